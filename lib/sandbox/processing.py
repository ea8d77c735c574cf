"""A txt2img request of the Web UI's API: its fields and defaults, and what is wrong with it.

Errors have the words of FastAPI 0.94 with pydantic 1, which the Web UI pins, and of the Web UI's own. No drawing and
no HTTP here; what is told about the finished pictures is in `processed`.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lib.sandbox import vram

LARGEST_PIXELS = 2048 * 2048  # of one batch: what the painter's CPU is asked for at most
MOST_PIXELS = 10**12  # beyond any card; a number with 300 digits is no float any more
SMALLEST_SIDE, MOST_STEPS = 64, 150
SEEDS = 2**32 - 2


class WebUiError(Exception):
    """An answer other than 200: `body` is its JSON."""

    def __init__(
        self, status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(str(body))
        self.status, self.body, self.headers = status, body, headers


def problem(status: int, *, error: str = "HTTPException", detail: str = "", text: str = "") -> WebUiError:
    """The Web UI's own form: HTTP exceptions have a detail, crashes have an error class and text."""
    return WebUiError(status, {"error": error, "detail": detail, "body": "", "errors": text})


def _integer(value: Any) -> int:
    return int(value)


def _number(value: Any) -> float:
    return float(value)


def _text(value: Any) -> str:
    if isinstance(value, dict | list):
        raise TypeError
    return str(value)


def _truth(value: Any) -> bool:
    text = str(value).lower()
    if text not in _TRUE and text not in _FALSE:
        raise ValueError(text)
    return text in _TRUE


_TRUE, _FALSE = {"1", "on", "t", "true", "y", "yes"}, {"0", "off", "f", "false", "n", "no"}


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError
    return value


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError
    return value


_KINDS: dict[Callable[[Any], Any], tuple[str, str]] = {
    _integer: ("value is not a valid integer", "type_error.integer"),
    _number: ("value is not a valid float", "type_error.float"),
    _text: ("str type expected", "type_error.str"),
    _truth: ("value could not be parsed to a boolean", "type_error.bool"),
    _list: ("value is not a valid list", "type_error.list"),
    _object: ("value is not a valid dict", "type_error.dict"),
}
_FIELDS: dict[str, tuple[Callable[[Any], Any], Any]] = {
    "prompt": (_text, ""), "negative_prompt": (_text, ""), "styles": (_list, None), "seed": (_integer, -1),
    "subseed": (_integer, -1), "subseed_strength": (_number, 0), "seed_resize_from_h": (_integer, -1),
    "seed_resize_from_w": (_integer, -1), "sampler_name": (_text, None), "scheduler": (_text, None),
    "batch_size": (_integer, 1), "n_iter": (_integer, 1), "steps": (_integer, 50), "cfg_scale": (_number, 7.0),
    "width": (_integer, 512), "height": (_integer, 512), "restore_faces": (_truth, None), "tiling": (_truth, None),
    "do_not_save_samples": (_truth, False), "do_not_save_grid": (_truth, False), "eta": (_number, None),
    "denoising_strength": (_number, None), "s_min_uncond": (_number, None), "s_churn": (_number, None),
    "s_tmax": (_number, None), "s_tmin": (_number, None), "s_noise": (_number, None),
    "override_settings": (_object, None), "override_settings_restore_afterwards": (_truth, True),
    "refiner_checkpoint": (_text, None), "refiner_switch_at": (_number, None),
    "disable_extra_networks": (_truth, False), "firstpass_image": (_text, None), "comments": (_object, None),
    "enable_hr": (_truth, False), "firstphase_width": (_integer, 0), "firstphase_height": (_integer, 0),
    "hr_scale": (_number, 2.0), "hr_upscaler": (_text, None), "hr_second_pass_steps": (_integer, 0),
    "hr_resize_x": (_integer, 0), "hr_resize_y": (_integer, 0), "hr_checkpoint_name": (_text, None),
    "hr_sampler_name": (_text, None), "hr_scheduler": (_text, None), "hr_prompt": (_text, ""),
    "hr_negative_prompt": (_text, ""), "force_task_id": (_text, None), "sampler_index": (_text, "Euler"),
    "script_name": (_text, None), "script_args": (_list, []), "send_images": (_truth, True),
    "save_images": (_truth, False), "alwayson_scripts": (_object, {}), "infotext": (_text, None),
}  # fmt: skip
_NEVER_NULL = ("script_args", "sampler_index", "send_images", "save_images", "alwayson_scripts")
SAMPLERS: dict[str, tuple[str, ...]] = {
    "DPM++ 2M": ("k_dpmpp_2m",), "DPM++ SDE": ("k_dpmpp_sde",), "DPM++ 2M SDE": ("k_dpmpp_2m_sde",),
    "DPM++ 2M SDE Heun": ("k_dpmpp_2m_sde_heun",), "DPM++ 2S a": ("k_dpmpp_2s_a",),
    "DPM++ 3M SDE": ("k_dpmpp_3m_sde",), "Euler a": ("k_euler_a", "k_euler_ancestral"), "Euler": ("k_euler",),
    "LMS": ("k_lms",), "Heun": ("k_heun",), "DPM2": ("k_dpm_2",), "DPM2 a": ("k_dpm_2_a",),
    "DPM fast": ("k_dpm_fast",), "DPM adaptive": ("k_dpm_ad",), "Restart": ("restart",), "DDIM": ("ddim",),
    "DDIM CFG++": ("ddim_cfgpp",), "PLMS": ("plms",), "UniPC": ("unipc",), "LCM": ("k_lcm",),
}  # fmt: skip
SCHEDULERS: dict[str, str] = {
    "automatic": "Automatic", "uniform": "Uniform", "karras": "Karras", "exponential": "Exponential",
    "polyexponential": "Polyexponential", "sgm_uniform": "SGM Uniform", "kl_optimal": "KL Optimal",
    "align_your_steps": "Align Your Steps", "simple": "Simple", "normal": "Normal", "ddim": "DDIM", "beta": "Beta",
}  # fmt: skip


_TYPES = {
    _integer: "integer",
    _number: "number",
    _text: "string",
    _truth: "boolean",
    _list: "array",
    _object: "object",
}


def schema() -> dict[str, Any]:
    """The fields of a request as JSON Schema."""
    properties = {
        name: {"type": _TYPES[kind], "default": default} for name, (kind, default) in _FIELDS.items()
    }
    return {"type": "object", "title": "StableDiffusionProcessingTxt2Img", "properties": properties}


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A request that can be drawn: `parameters` echoes all fields, the rest is resolved."""

    parameters: dict[str, Any]
    seed: int
    subseed: int
    width: int
    height: int
    steps: int
    sampler: str
    n_iter: int
    batch_size: int

    def picture(self, index: int) -> dict[str, Any]:
        """The painter's request for one picture of the job."""
        return {
            "prompt": self.parameters["prompt"],
            "negative_prompt": self.parameters["negative_prompt"],
            "seed": self.seed + index,
            "width": self.width,
            "height": self.height,
            "steps": self.steps,
            "cfg_scale": self.parameters["cfg_scale"],
            "sampler_name": self.sampler,
        }


def read(call_body: bytes, rng: random.Random, *, content_type: str, gpu_bytes: float) -> Order:
    """Raises WebUiError: 422 for a wrong field or script, 404 for an unknown sampler, 500 for what can't be drawn."""
    parameters = _validated(decoded(call_body, content_type))
    sampler = _sampler(parameters["sampler_name"] or parameters["sampler_index"])
    _check_scripts(parameters)
    _check_numbers(parameters)
    width, height = _size(parameters)
    _check_size(parameters, width, height, gpu_bytes)
    return Order(
        parameters=parameters,
        seed=_seed(parameters["seed"], rng),
        subseed=_seed(parameters["subseed"], rng),
        width=width,
        height=height,
        steps=min(parameters["steps"], MOST_STEPS),
        sampler=sampler,
        n_iter=parameters["n_iter"],
        batch_size=parameters["batch_size"],
    )


def decoded(body: bytes, content_type: str) -> dict[str, Any]:
    """The JSON object in a request's body. As in FastAPI, another content type is not even looked into: the famous
    surprise of `curl -d` without a header."""
    if not body:
        raise _invalid(["body"], "field required", "value_error.missing")
    kind = content_type.partition(";")[0].strip().lower()
    main, _, sub = kind.partition("/")
    if kind and not (main == "application" and (sub == "json" or sub.endswith("+json"))):
        raise _invalid(["body"], "value is not a valid dict", "type_error.dict")
    try:
        found = json.loads(body)
    except json.JSONDecodeError as e:
        context = {"msg": e.msg, "doc": e.doc, "pos": e.pos, "lineno": e.lineno, "colno": e.colno}
        raise _invalid(["body", e.pos], str(e), "value_error.jsondecode", context) from e
    except (ValueError, RecursionError) as e:  # no text, numbers or nesting without end
        raise problem(400, detail="There was an error parsing the body") from e
    if not isinstance(found, dict):
        raise _invalid(["body"], "value is not a valid dict", "type_error.dict")
    return found


def _invalid(loc: list[Any], message: str, kind: str, context: Mapping[str, Any] | None = None) -> WebUiError:
    error = {"loc": loc, "msg": message, "type": kind}
    return WebUiError(422, {"detail": [{**error, "ctx": context} if context else error]})


def _validated(given: Mapping[str, Any]) -> dict[str, Any]:
    """Every field, coerced as pydantic does; unknown ones are ignored. Null means the default, but for those fields
    that the API model declares without it."""
    found: dict[str, Any] = {}
    wrong: list[dict[str, Any]] = []
    for name, (kind, default) in _FIELDS.items():
        value = given.get(name)
        if value is None and name in given and name in _NEVER_NULL:
            wrong.append(_fault(name, "none is not an allowed value", "type_error.none.not_allowed"))
            continue
        try:
            found[name] = default if value is None else kind(value)
        except (TypeError, ValueError, OverflowError):
            wrong.append(_fault(name, *_KINDS[kind]))
    if wrong:
        raise WebUiError(422, {"detail": wrong})
    return found


def _fault(name: str, message: str, kind: str) -> dict[str, Any]:
    return {"loc": ["body", name], "msg": message, "type": kind}


def _check_scripts(parameters: Mapping[str, Any]) -> None:
    if script := parameters["script_name"]:
        raise problem(422, detail=f"Script '{script}' not found")
    for name in parameters["alwayson_scripts"]:
        raise problem(422, detail=f"Script '{name}' not found")


def _check_numbers(parameters: Mapping[str, Any]) -> None:
    """Python reads Infinity and NaN in JSON, but writes none."""
    if any(isinstance(v, float) and not math.isfinite(v) for v in parameters.values()):
        raise problem(500, error="ValueError", text="Out of range float values are not JSON compliant")


def _check_size(parameters: Mapping[str, Any], width: int, height: int, gpu_bytes: float) -> None:
    for field in ("steps", "batch_size", "n_iter"):
        if parameters[field] < 1:
            raise problem(
                500, error="ValueError", text=f"{field} must be at least 1, not {parameters[field]}"
            )
    if min(width, height) < SMALLEST_SIDE:
        raise problem(500, error="RuntimeError", text=f"a {width}x{height} picture is too small")
    pixels = min(width * height * parameters["batch_size"], MOST_PIXELS)
    if pixels > LARGEST_PIXELS or not vram.fits(pixels, gpu_bytes):
        raise problem(500, error="OutOfMemoryError", text=vram.out_of_memory(pixels, gpu_bytes))


def _seed(asked: int, rng: random.Random) -> int:
    if not -1 <= asked < 2**63:
        raise problem(500, error="RuntimeError", text="Overflow when unpacking long")
    return rng.randrange(SEEDS) if asked == -1 else asked


def _sampler(name: str) -> str:
    """By name or alias, also with a scheduler's name behind it as older clients write it."""
    wanted = name.strip().lower()
    for label in ("", *(label.lower() for label in SCHEDULERS.values())):
        bare = wanted.removesuffix(f" {label}") if label else wanted
        for known, aliases in SAMPLERS.items():
            if bare == known.lower() or bare in aliases:
                return known
    raise problem(404, detail="Sampler not found")


def _size(parameters: Mapping[str, Any]) -> tuple[int, int]:
    """Of the finished picture, in steps of 8 as the model's latent space has it."""
    width, height = parameters["width"], parameters["height"]
    if parameters["enable_hr"]:
        scale = parameters["hr_scale"]
        width = parameters["hr_resize_x"] or int(width * scale)
        height = parameters["hr_resize_y"] or int(height * scale)
    return width // 8 * 8, height // 8 * 8
