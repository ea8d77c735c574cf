"""A txt2img request of the Web UI's API: its fields and defaults, what is wrong with it, and what is told about it.

Errors have the words of FastAPI and of the Web UI's own. No drawing and no HTTP here.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lib.sandbox.easel import Drawn

MODEL = "sandbox-scene-painter (not Stable Diffusion)"
MODEL_HASH, MODEL_SHA256 = "5ca1ab1e00", "5ca1ab1e00" + "0" * 54
VERSION = "gpu-atlas-sandbox"
LARGEST_PIXELS = 2048 * 2048  # of one batch; more does not fit in the memory of the GPU that isn't there
SMALLEST_SIDE, MOST_STEPS = 64, 150
SEEDS = 2**32 - 2


class WebUiError(Exception):
    """An answer other than 200: `body` is its JSON."""

    def __init__(self, status: int, body: Mapping[str, Any]) -> None:
        super().__init__(str(body))
        self.status, self.body = status, body


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
    known = {
        "true": True,
        "1": True,
        "on": True,
        "yes": True,
        "false": False,
        "0": False,
        "off": False,
        "no": False,
    }
    return known[str(value).lower()]


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A request that can be drawn: `parameters` echoes all fields, the rest is resolved."""

    parameters: dict[str, Any]
    seed: int
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


def read(body: bytes, rng: random.Random) -> Order:
    """Raises WebUiError: 422 for a wrong field or script, 404 for an unknown sampler, 500 for what can't be drawn."""
    parameters = _validated(decoded(body))
    sampler = _sampler(parameters["sampler_name"] or parameters["sampler_index"] or "Euler")
    if script := parameters["script_name"]:
        raise problem(422, detail=f"Script '{script}' not found")
    width, height = _size(parameters)
    for field in ("steps", "batch_size", "n_iter"):
        if parameters[field] < 1:
            raise problem(
                500, error="ValueError", text=f"{field} must be at least 1, not {parameters[field]}"
            )
    if min(width, height) < SMALLEST_SIDE:
        raise problem(500, error="RuntimeError", text=f"a {width}x{height} picture is too small")
    if width * height * parameters["batch_size"] > LARGEST_PIXELS:
        gib = width * height * parameters["batch_size"] * 4096 / 2**30
        raise problem(
            500, error="OutOfMemoryError", text=f"CUDA out of memory. Tried to allocate {gib:.2f} GiB"
        )
    seed = parameters["seed"]
    if not -1 <= seed < 2**63:
        raise problem(500, error="RuntimeError", text="Overflow when unpacking long")
    return Order(
        parameters=parameters,
        seed=rng.randrange(SEEDS) if seed == -1 else seed,
        width=width,
        height=height,
        steps=min(parameters["steps"], MOST_STEPS),
        sampler=sampler,
        n_iter=parameters["n_iter"],
        batch_size=parameters["batch_size"],
    )


def decoded(body: bytes) -> dict[str, Any]:
    if not body:
        raise _invalid(["body"], "field required", "value_error.missing")
    try:
        found = json.loads(body)
    except ValueError as e:
        place = getattr(e, "pos", 0)
        text = getattr(e, "msg", str(e))
        raise _invalid(["body", place], f"{text}: char {place}", "value_error.jsondecode") from e
    if not isinstance(found, dict):
        raise _invalid(["body"], "value is not a valid dict", "type_error.dict")
    return found


def _invalid(loc: list[Any], message: str, kind: str) -> WebUiError:
    return WebUiError(422, {"detail": [{"loc": loc, "msg": message, "type": kind}]})


def _validated(given: Mapping[str, Any]) -> dict[str, Any]:
    """Every field, coerced as pydantic does; unknown ones are ignored and null means the default."""
    found: dict[str, Any] = {}
    wrong: list[dict[str, Any]] = []
    for name, (kind, default) in _FIELDS.items():
        value = given.get(name)
        try:
            found[name] = default if value is None else kind(value)
        except (TypeError, ValueError, KeyError, OverflowError):
            message, code = _KINDS[kind]
            wrong.append({"loc": ["body", name], "msg": message, "type": code})
    if wrong:
        raise WebUiError(422, {"detail": wrong})
    return found


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


def told(order: Order, drawn: list[Drawn], *, at: datetime) -> str:
    """The `info` field: JSON in a string."""
    asked = order.parameters
    count = len(drawn)
    understood = ", ".join(dict.fromkeys(word for d in drawn for word in d.understood))
    skipped = ", ".join(dict.fromkeys(word for d in drawn for word in d.skipped))
    extra = {k: v for k, v in (("Painter understood", understood), ("Painter skipped", skipped)) if v}
    return json.dumps({
        "prompt": asked["prompt"], "all_prompts": [asked["prompt"]] * count,
        "negative_prompt": asked["negative_prompt"], "all_negative_prompts": [asked["negative_prompt"]] * count,
        "seed": order.seed, "all_seeds": [d.seed for d in drawn],
        "subseed": asked["subseed"], "all_subseeds": [asked["subseed"]] * count,
        "subseed_strength": asked["subseed_strength"], "width": order.width, "height": order.height,
        "sampler_name": order.sampler, "cfg_scale": asked["cfg_scale"], "steps": asked["steps"],
        "batch_size": order.batch_size, "restore_faces": bool(asked["restore_faces"]),
        "face_restoration_model": None, "sd_model_name": MODEL, "sd_model_hash": MODEL_HASH,
        "sd_vae_name": None, "sd_vae_hash": None, "seed_resize_from_w": asked["seed_resize_from_w"],
        "seed_resize_from_h": asked["seed_resize_from_h"], "denoising_strength": asked["denoising_strength"],
        "extra_generation_params": extra, "index_of_first_image": 0, "infotexts": [d.infotext for d in drawn],
        "styles": asked["styles"] or [], "job_timestamp": at.strftime("%Y%m%d%H%M%S"), "clip_skip": 1,
        "is_using_inpainting_conditioning": False, "version": VERSION,
    })  # fmt: skip
