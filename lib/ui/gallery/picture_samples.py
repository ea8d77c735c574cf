"""Made-up pictures with their passports, as the picture desk keeps them. Drawn by nobody's GPU."""

from __future__ import annotations

import json
import random
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from lib.gateways.picture_progress import Heard
from lib.gateways.txt2img import Passport, PictureRequest
from lib.ui import kept_pictures, pictures
from lib.ui.kept_pictures import Kept
from lib.ui.pictures import Job
from lib.ui.samples import L4, NOW

PROMPTS: Final = (
    "a red fox in the snow at dawn",
    "a quiet harbour, watercolour",
    "mountains above a sea of clouds, seen from a small wooden cabin with smoke rising from its chimney, late autumn, "
    "soft light, long shadows, in the manner of an old postcard that somebody kept in a drawer for sixty years",
)
REGIONS: Final = ("europe-west4", "us-central1", "northamerica-northeast2")
ASKED: Final = PictureRequest(prompt=PROMPTS[0], seed=7)
EUROPE: Final = Heard(region="europe-west4", pod="stable-diffusion-webui-7f9c6d5b8-x2x9k", share=0.7)
LOST: Final = Heard(region="us-central1", pod="stable-diffusion-webui-5d8c7b9f6-q8w7e", share=0.2)


def job(number: int, **more: Any) -> Job:
    request = replace(ASKED, prompt=PROMPTS[number % len(PROMPTS)], seed=number)
    return Job(id=f"ui-sample-{number}", request=request, **more)


def keep(folder: Path, count: int) -> tuple[Kept, ...]:
    """The newest one moved in the middle, the one before it has the same settings and was not moved."""
    folder.mkdir(parents=True, exist_ok=True)
    made = [_keep(folder, number, moved=number == count - 1) for number in range(count)]
    return tuple(one for one in reversed(made) if one is not None)


def _keep(folder: Path, number: int, *, moved: bool) -> Kept | None:
    name = f"{number:020d}-0"
    seed = number // 2
    request = replace(ASKED, prompt=PROMPTS[seed % len(PROMPTS)], seed=seed)
    lost = (pictures.lost_try(LOST, request),) if moved else ()
    facts = {
        "request": asdict(request),
        "passport": pictures.signed(_passport(number, seed, moved=moved), lost),
        "at": (NOW + timedelta(minutes=number)).isoformat(),
    }
    png = landscape(seed)
    (folder / f"{name}.png").write_bytes(png)
    kept_pictures.thumbnail(png, folder / f"{name}.webp")
    (folder / f"{name}.json").write_text(json.dumps(facts))
    return kept_pictures.read(folder / f"{name}.json")


def _passport(number: int, seed: int, *, moved: bool) -> Passport:
    region = "europe-west4" if moved else REGIONS[number % len(REGIONS)]
    return Passport(
        region=region,
        zone=f"{region}-b",
        cluster=f"atlas-{region}",
        pod=EUROPE.pod,
        accelerator=L4 if number % 2 else "nvidia-tesla-t4",
        attempts=2 if moved else 1,
        moved_from="",
        job_id=f"ui-sample-{number}",
        seed=seed,
        queue_s=0.02,
        compute_s=1.31,
        network_s=0.06,
        total_s=1.39,
        at=NOW.isoformat(),
        model="sample",
    )


def landscape(seed: int, size: int = 512) -> bytes:
    """Hills under a sky, the same for the same seed."""
    from io import BytesIO

    from PIL import Image, ImageDraw

    drawn = random.Random(seed)
    hue = drawn.randrange(360)
    image = Image.new("RGB", (size, size))
    pen = ImageDraw.Draw(image)
    for y in range(size):
        pen.line((0, y, size, y), fill=f"hsl({hue}, 55%, {35 + 45 * y // size}%)")
    x, y = drawn.randrange(80, 430), drawn.randrange(70, 180)
    pen.ellipse((x - 38, y - 38, x + 38, y + 38), fill=f"hsl({(hue + 40) % 360}, 90%, 85%)")
    for layer in range(4):
        base = 250 + 62 * layer
        top = [(i * 64, base + drawn.randrange(-46, 46)) for i in range(9)]
        pen.polygon([(0, size), *top, (size, size)], fill=f"hsl({(hue + 180) % 360}, 30%, {38 - 8 * layer}%)")
    out = BytesIO()
    image.save(out, "PNG")
    return out.getvalue()
