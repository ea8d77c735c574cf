"""The settings of a picture as words of the address bar, and back: a link restores the form.

What a link says wrongly is told in a sentence, and the default taken instead. Pure; the form is lib.ui.prompt_form.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from lib.gateways.picture_request import PictureRequest, problems

SAMPLERS: Final = ("Euler a", "Euler", "DPM++ 2M Karras", "DPM++ SDE Karras", "DDIM", "Heun", "LMS")
DEFAULT: Final = PictureRequest(prompt="")
SIZE: Final = "size"
FIELDS: Final = {  # word of the address bar: field of the request
    "prompt": "prompt",
    "negative": "negative_prompt",
    "steps": "steps",
    "cfg": "cfg_scale",
    "sampler": "sampler_name",
    "seed": "seed",
    "batch": "batch_size",
}
WORDS: Final = (*FIELDS, SIZE)


def written(request: PictureRequest) -> dict[str, str]:
    """Only what isn't the default."""
    found = {
        word: f"{value:g}" if isinstance(value, float) else str(value)
        for word, name in FIELDS.items()
        if (value := getattr(request, name)) != getattr(DEFAULT, name)
    }
    if (request.width, request.height) != (DEFAULT.width, DEFAULT.height):
        found[SIZE] = f"{request.width}x{request.height}"
    return found


def read(address: Mapping[str, str]) -> tuple[PictureRequest, tuple[str, ...]]:
    """What these words ask for, and a sentence for each that can't be had."""
    request, doubts = DEFAULT, []
    for word in WORDS:
        if (said := address.get(word)) is None:
            continue
        fields = _fields(word, said)
        wrong = _wrong(replace(DEFAULT, **fields), fields) if fields else _FORMS[word]
        if wrong:
            doubts.append(
                f"“{word}={said[:40]}” of the link can't be used, so it is {_default(word)}: {wrong}"
            )
        else:
            request = replace(request, **fields)
    return request, tuple(doubts)


def _fields(word: str, said: str) -> dict[str, Any]:
    """Empty where the word can't even be read."""
    if word == SIZE:
        found = re.fullmatch(r"(\d{1,5})x(\d{1,5})", said)
        return {"width": int(found[1]), "height": int(found[2])} if found else {}
    try:
        return {FIELDS[word]: _KINDS.get(word, str)(said)}
    except ValueError:
        return {}


def _wrong(request: PictureRequest, fields: Mapping[str, object]) -> str:
    if request.sampler_name not in SAMPLERS:
        return _FORMS["sampler"]
    found = problems(request)
    return next((found[name] for name in fields if name in found), "")


def _default(word: str) -> str:
    if word == SIZE:
        return f"{DEFAULT.width}x{DEFAULT.height}"
    value = getattr(DEFAULT, FIELDS[word])
    return "empty" if value == "" else f"{value:g}" if isinstance(value, float) else str(value)


_KINDS: Final[dict[str, Callable[[str], Any]]] = {"steps": int, "seed": int, "batch": int, "cfg": float}
_FORMS: Final = {
    **dict.fromkeys(("steps", "seed", "batch"), "It is no whole number."),
    "cfg": "It is no number.",
    "size": "Write it as 768x512.",
    "sampler": f"There are {', '.join(SAMPLERS)}.",
}
