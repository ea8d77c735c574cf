"""Pictures as they are kept on disk: a file with its passport, what it was asked with, and a small one to look at.

Reading and comparing only; who draws and keeps them is lib.ui.pictures.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any, Final

from lib.gateways.txt2img import PictureRequest
from lib.ui import words

THUMBNAIL: Final = (320, 320)
SETTINGS: Final = {
    "prompt": "Prompt",
    "negative_prompt": "Not in it",
    "width": "Width",
    "height": "Height",
    "steps": "Steps",
    "seed": "Seed",
    "cfg_scale": "Guidance",
    "sampler_name": "Sampler",
    "batch_size": "Pictures",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A picture on disk. `passport` and `request` are as written beside it."""

    name: str
    path: Path
    thumbnail: Path
    prompt: str
    passport: Mapping[str, Any]
    request: Mapping[str, Any]
    at: str

    @property
    def seed(self) -> int:
        """The one it was drawn with, also where any was asked for."""
        return int(self.passport.get("seed", self.request.get("seed", -1)))

    @property
    def file_name(self) -> str:
        parts = (self.passport.get("region") or "picture", self.seed, self.name[-8:])
        return f"{'-'.join(str(part) for part in parts)}.png"

    def again(self) -> PictureRequest:
        """What draws this one again: its settings with its seed, alone."""
        known: dict[str, Any] = {name: self.request[name] for name in SETTINGS if name in self.request}
        known |= {"seed": self.seed, "batch_size": 1}
        return PictureRequest(**known)


def read(file: Path) -> Kept | None:
    """None for a picture that was half written when the process died: it is left out, not shown broken."""
    picture, small = file.with_suffix(".png"), file.with_suffix(".webp")
    try:
        facts = json.loads(file.read_text())
    except (OSError, json.JSONDecodeError):
        return None
    if not picture.exists() or not small.exists():
        return None
    return Kept(
        name=file.stem,
        path=picture,
        thumbnail=small,
        prompt=str(facts["request"]["prompt"]),
        passport=facts["passport"],
        request=facts["request"],
        at=facts["at"],
    )


def thumbnail(png: bytes, to: Path) -> None:
    from PIL import Image

    with Image.open(BytesIO(png)) as picture:
        small = picture.convert("RGB")
        small.thumbnail(THUMBNAIL)
        small.save(to, "WEBP", quality=82)


def found(kept: Iterable[Kept], text: str) -> tuple[Kept, ...]:
    """Those that have for every word one that begins so: in prompt, region, zone, GPU, model, sampler or seed."""
    wanted = [re.compile(rf"(?<![a-z0-9]){re.escape(word)}") for word in text.lower().split()]
    return tuple(one for one in kept if all(word.search(_searched(one)) for word in wanted))


def _searched(one: Kept) -> str:
    told = [one.passport.get(name) for name in ("region", "zone", "accelerator", "model", "pod", "job_id")]
    gpu = words.gpu(str(one.passport.get("accelerator") or ""))
    held = (one.prompt, *told, gpu, one.request.get("sampler_name"), one.seed)
    return " ".join(str(part) for part in held if part is not None).lower()


def differences(one: Kept, other: Kept) -> tuple[tuple[str, str, str], ...]:
    """Settings that are not the same in both, by their titles."""
    pairs = [
        (title, *(str(of.seed if name == "seed" else of.request.get(name, "")) for of in (one, other)))
        for name, title in SETTINGS.items()
        if name != "batch_size"
    ]
    return tuple((title, left, right) for title, left, right in pairs if left != right)


@lru_cache(maxsize=64)
def same_pixels(one: Path, other: Path) -> bool | None:
    """Whether two files hold the same picture; None where one of them is gone."""
    from PIL import Image

    try:
        with Image.open(one) as left, Image.open(other) as right:
            return left.size == right.size and left.convert("RGB").tobytes() == right.convert("RGB").tobytes()
    except OSError:
        return None
