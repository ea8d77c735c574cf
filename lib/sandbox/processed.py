"""What the Web UI tells about finished pictures: the `info` JSON, the infotext in each picture, and the files themselves.

The counterpart of `processing`, which reads what was asked. Runs in a thread: it may take its time, and touches no
shared state.
"""

from __future__ import annotations

import base64
import io
import json
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lib.sandbox.easel import Drawn
from lib.sandbox.processing import SCHEDULERS, Order, problem

MODEL = "sandbox-scene-painter (not Stable Diffusion)"
MODEL_HASH, MODEL_SHA256 = "5ca1ab1e00", "5ca1ab1e00" + "0" * 54
VERSION = "gpu-atlas-sandbox"
KEYWORD = "parameters"
SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEADER_END = len(SIGNATURE) + 8 + 13 + 4
_USER_COMMENT, _EXIF_IFD = 0x9286, 0x8769


@dataclass(frozen=True, slots=True, kw_only=True)
class Processed:
    """A job that has ended; `pictures` are fewer than ordered when it was interrupted."""

    order: Order
    pictures: list[Drawn]
    timestamp: str  # when it began, YYYYMMDDhhmmss
    options: Mapping[str, Any]  # with the order's overrides

    @property
    def clip_skip(self) -> int:
        return int(self.options["CLIP_stop_at_last_layers"])


def response(done: Processed) -> str:
    """The body of a txt2img answer."""
    texts = [infotext(done, index) for index in range(len(done.pictures))]
    images = []
    if done.order.parameters["send_images"]:
        files = (written(d.png, text, done.options) for d, text in zip(done.pictures, texts, strict=True))
        images = [base64.b64encode(file).decode() for file in files]
    body = {"images": images, "parameters": done.order.parameters, "info": info(done, texts)}
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


def info(done: Processed, texts: list[str]) -> str:
    """JSON in a string, as clients expect it."""
    order, asked, count = done.order, done.order.parameters, len(done.pictures)
    return json.dumps({
        "prompt": asked["prompt"], "all_prompts": [asked["prompt"]] * count,
        "negative_prompt": asked["negative_prompt"], "all_negative_prompts": [asked["negative_prompt"]] * count,
        "seed": order.seed, "all_seeds": [d.seed for d in done.pictures],
        "subseed": order.subseed, "all_subseeds": [order.subseed + i for i in range(count)],
        "subseed_strength": asked["subseed_strength"], "width": order.width, "height": order.height,
        "sampler_name": order.sampler, "cfg_scale": asked["cfg_scale"], "steps": asked["steps"],
        "batch_size": order.batch_size, "restore_faces": bool(asked["restore_faces"]),
        "face_restoration_model": done.options["face_restoration_model"] if asked["restore_faces"] else None,
        "sd_model_name": MODEL, "sd_model_hash": MODEL_HASH, "sd_vae_name": None, "sd_vae_hash": None,
        "seed_resize_from_w": asked["seed_resize_from_w"], "seed_resize_from_h": asked["seed_resize_from_h"],
        "denoising_strength": asked["denoising_strength"], "extra_generation_params": _extra(done),
        "index_of_first_image": 0, "infotexts": texts, "styles": asked["styles"] or [],
        "job_timestamp": done.timestamp, "clip_skip": done.clip_skip, "is_using_inpainting_conditioning": False,
        "version": VERSION,
    })  # fmt: skip


def infotext(done: Processed, index: int) -> str:
    """Prompt, negative prompt and settings of one picture, in the order in which the Web UI writes them."""
    order, asked = done.order, done.order.parameters
    settings = {
        "Steps": asked["steps"],
        "Sampler": order.sampler,
        "Schedule type": _scheduler(asked["scheduler"]),
        "CFG scale": asked["cfg_scale"],
        "Seed": done.pictures[index].seed,
        "Face restoration": done.options["face_restoration_model"] if asked["restore_faces"] else None,
        "Size": f"{order.width}x{order.height}",
        "Model hash": MODEL_HASH,
        "Model": MODEL,
        "Variation seed": order.subseed + index if asked["subseed_strength"] else None,
        "Variation seed strength": asked["subseed_strength"] or None,
        "Denoising strength": asked["denoising_strength"] if asked["enable_hr"] else None,
        "Clip skip": done.clip_skip if done.clip_skip > 1 else None,
        "Tiling": "True" if asked["tiling"] else None,
        **_extra(done),
        "Version": VERSION,
    }
    lines = [asked["prompt"]]
    if asked["negative_prompt"]:
        lines.append(f"Negative prompt: {asked['negative_prompt']}")
    lines.append(", ".join(f"{k}: {_quoted(v)}" for k, v in settings.items() if v is not None))
    return "\n".join(lines).strip()


def _scheduler(asked: str | None) -> str:
    return SCHEDULERS.get((asked or "automatic").lower(), asked or "Automatic")


def _extra(done: Processed) -> dict[str, Any]:
    """As an extension of the Web UI adds its own settings: what the painter made of the prompt."""
    asked = done.order.parameters
    understood = ", ".join(dict.fromkeys(word for d in done.pictures for word in d.understood))
    skipped = ", ".join(dict.fromkeys(word for d in done.pictures for word in d.skipped))
    hires = {"Hires upscale": asked["hr_scale"], "Hires upscaler": asked["hr_upscaler"]}
    found = {
        **(hires if asked["enable_hr"] else {}),
        "Painter understood": understood,
        "Painter skipped": skipped,
    }
    return {k: v for k, v in found.items() if v}


def _quoted(value: Any) -> str:
    text = str(value)
    return json.dumps(text, ensure_ascii=False) if any(c in text for c in ",\n:") else text


# --- files ------------------------------------------------------------------------------------------------


def written(png: bytes, text: str, options: Mapping[str, Any]) -> bytes:
    """The file as the options ask for it: PNG, or JPEG or WebP with the text in its EXIF."""
    kind = str(options["samples_format"]).lower()
    if kind == "png":
        return with_text(png, text if options["enable_pnginfo"] else None)
    if kind not in ("jpg", "jpeg", "webp"):
        raise problem(500, detail="Invalid image format")
    from PIL import Image  # only for those who ask for it: the process has no other need of it

    image, out = Image.open(io.BytesIO(png)).convert("RGB"), io.BytesIO()
    exif = Image.Exif()
    exif.get_ifd(_EXIF_IFD)[_USER_COMMENT] = b"UNICODE\0" + text.encode("utf-16-be", "replace")
    image.save(out, "WEBP" if kind == "webp" else "JPEG", quality=int(options["jpeg_quality"]), exif=exif)
    return out.getvalue()


def with_text(png: bytes, text: str | None) -> bytes:
    """The same pixels with this text as its only `parameters`; None: with none."""
    kept = b"".join(chunk for kind, chunk in _chunks(png) if not _is_parameters(kind, chunk))
    header, rest = kept[: _HEADER_END - len(SIGNATURE)], kept[_HEADER_END - len(SIGNATURE) :]
    return SIGNATURE + header + (b"" if text is None else _text_chunk(text)) + rest


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(kind, the whole chunk)."""
    at = len(SIGNATURE)
    while at + 8 <= len(png):
        end = at + 12 + struct.unpack(">I", png[at : at + 4])[0]
        yield png[at + 4 : at + 8], png[at:end]
        at = end


def _is_parameters(kind: bytes, chunk: bytes) -> bool:
    return kind in (b"tEXt", b"iTXt", b"zTXt") and chunk[8:].startswith(KEYWORD.encode() + b"\0")


def _text_chunk(text: str) -> bytes:
    """Latin-1 as tEXt, the rest as iTXt. A NUL would end the text early, and half a surrogate pair has no bytes."""
    text = text.replace("\0", "")
    try:
        body = b"tEXt" + KEYWORD.encode() + b"\0" + text.encode("latin-1")
    except UnicodeEncodeError:
        body = b"iTXt" + KEYWORD.encode() + b"\0\0\0\0\0" + text.encode("utf-8", "replace")
    return struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
