"""/sdapi/v1/png-info: the settings that a picture carries, read back out of its text as the Web UI parses it."""

from __future__ import annotations

import base64
import binascii
import io
import json
import re
from typing import Any

from lib.sandbox.processing import problem

_SETTING = re.compile(r'\s*([\w ()\-+/]+?):\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$)')
_SIZE = re.compile(r"(\d+)x(\d+)")
_NEGATIVE = "Negative prompt:"
_OF_THE_FILE = frozenset({"jfif", "jfif_version", "jfif_unit", "jfif_density", "dpi", "exif", "loop", "background",
                          "timestamp", "duration", "progressive", "progression", "icc_profile", "chromaticity",
                          "photoshop"})  # fmt: skip


def read(image: str) -> dict[str, Any]:
    """Raises WebUiError 500 for what is no picture."""
    from PIL import Image, UnidentifiedImageError

    data = image.partition(",")[2] if image.startswith("data:image/") else image
    try:
        found = Image.open(io.BytesIO(base64.b64decode(data)))
        found.load()
    except (UnidentifiedImageError, OSError, ValueError, binascii.Error, Image.DecompressionBombError) as e:
        raise problem(500, detail="Invalid encoded image") from e
    items = {k: v for k, v in found.info.items() if isinstance(v, str) and k not in _OF_THE_FILE}
    text = items.pop("parameters", "")
    return {"info": text, "items": items, "parameters": parsed(text)}


def parsed(text: str) -> dict[str, Any]:
    """Prompt, negative prompt and settings; a size is told as two numbers."""
    *lines, last = text.strip().split("\n")
    settings = dict(_SETTING.findall(last))
    if len(settings) < 3:  # the last line is a prompt's, too
        lines, settings = [*lines, last], {}
    at = next((i for i, line in enumerate(lines) if line.startswith(_NEGATIVE)), len(lines))
    negative = "\n".join(lines[at:]).removeprefix(_NEGATIVE).strip()
    found: dict[str, Any] = {"Prompt": "\n".join(lines[:at]).strip(), "Negative prompt": negative}
    for name, value in settings.items():
        if size := _SIZE.fullmatch(value):
            found |= {f"{name}-1": size[1], f"{name}-2": size[2]}
        else:
            found[name] = _unquoted(value)
    return {**found, "Clip skip": found.get("Clip skip", "1")}


def _unquoted(value: str) -> str:
    try:
        return str(json.loads(value)) if value.startswith('"') else value
    except ValueError:
        return value
