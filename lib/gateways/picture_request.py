"""What may be asked of the Web UI, and what is wrong with what was asked, told at the field. Sends nothing."""

from __future__ import annotations

from dataclasses import dataclass

MAX_SEED = 2**32 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureRequest:
    prompt: str
    negative_prompt: str = ""
    width: int = 512
    height: int = 512
    steps: int = 20
    seed: int = -1  # -1: any
    cfg_scale: float = 7.0
    batch_size: int = 1
    sampler_name: str = "Euler a"


def problems(request: PictureRequest) -> dict[str, str]:
    """What is wrong with the request: a sentence by field. Empty when it may be sent."""
    checks = {
        "prompt": _prompt_problem(request.prompt),
        "negative_prompt": _text_problem(request.negative_prompt),
        "width": _size_problem(request.width),
        "height": _size_problem(request.height),
        "steps": _whole_problem(request.steps, 1, 60),
        "seed": _whole_problem(request.seed, -1, MAX_SEED),
        "cfg_scale": _number_problem(request.cfg_scale, 1, 30),
        "batch_size": _whole_problem(request.batch_size, 1, 4),
    }
    return {name: sentence for name, sentence in checks.items() if sentence}


def _prompt_problem(prompt: object) -> str:
    if isinstance(prompt, str) and not prompt.strip():
        return "Write a prompt: it is empty."
    return _text_problem(prompt)


def _text_problem(text: object) -> str:
    if not isinstance(text, str):
        return "This must be text."
    return f"At most 2,000 characters; this has {len(text):,}." if len(text) > 2000 else ""


def _size_problem(pixels: object) -> str:
    if wrong := _whole_problem(pixels, 64, 1024):
        return wrong
    return "" if isinstance(pixels, int) and pixels % 8 == 0 else f"A multiple of 8; {pixels} is not one."


def _whole_problem(value: object, low: int, high: int) -> str:
    if not isinstance(value, int) or isinstance(value, bool):
        return f"A whole number from {low:,} to {high:,}; {value!r} is not one."
    return _number_problem(value, low, high)


def _number_problem(value: object, low: float, high: float) -> str:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return f"A number from {low:,} to {high:,}; {value!r} is not one."
    return "" if low <= value <= high else f"From {low:,} to {high:,}; {value:,} is out of range."
