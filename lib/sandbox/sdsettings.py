"""What the Web UI says about itself: options, command line, samplers, models and the other lists that clients ask for.

Facts only; `sdapi` serves them. Options are kept with the pod: they outlive the process, as the Web UI's config.json
does, and go with the pod.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lib.sandbox.processed import MODEL, MODEL_HASH, MODEL_SHA256
from lib.sandbox.processing import SAMPLERS, SCHEDULERS, problem
from lib.sandbox.store import Document

PORT = 7860
KEPT = "_webuiOptions"  # private field of the pod
OPTIONS: Mapping[str, Any] = {
    "samples_save": False, "samples_format": "png", "samples_filename_pattern": "", "save_images_add_number": True,
    "grid_save": False, "grid_format": "png", "grid_only_if_multiple": True, "return_grid": False, "n_rows": -1,
    "enable_pnginfo": True, "save_txt": False, "jpeg_quality": 80, "webp_lossless": False, "img_max_size_mp": 200,
    "sd_model_checkpoint": MODEL, "sd_checkpoint_hash": MODEL_SHA256, "sd_checkpoints_limit": 1, "sd_vae": "Automatic",
    "CLIP_stop_at_last_layers": 1, "comma_padding_backtrack": 20, "randn_source": "GPU", "tiling": False,
    "face_restoration": False, "face_restoration_model": "CodeFormer", "code_former_weight": 0.5,
    "upscaler_for_img2img": None, "live_previews_enable": True, "live_previews_image_format": "png",
    "show_progress_grid": True, "show_progress_every_n_steps": 10, "show_progress_type": "Approx NN",
    "live_preview_refresh_period": 1000, "eta_ddim": 0.0, "eta_ancestral": 1.0, "s_min_uncond": 0.0,
    "eta_noise_seed_delta": 0, "add_model_hash_to_info": True, "add_model_name_to_info": True,
    "add_version_to_infotext": True, "api_enable_requests": True, "outdir_samples": "", "outdir_grids": "",
}  # fmt: skip
FLAGS: Mapping[str, Any] = {
    "api": True, "listen": True, "port": PORT, "nowebui": False, "api_auth": None, "api_log": False,
    "api_server_stop": False, "gradio_auth": None, "share": False, "xformers": False, "medvram": False, "lowvram": False,
    "no_half": False, "skip_torch_cuda_test": False, "enable_insecure_extension_access": False, "ckpt": None,
    "cors_allow_origins": None, "subpath": None, "timeout_keep_alive": 30,
}  # fmt: skip
MODELS: list[Document] = [
    {
        "title": MODEL, "model_name": MODEL, "hash": MODEL_HASH, "sha256": MODEL_SHA256,
        "filename": "lib/sandbox/painter", "config": None,
    }
]  # fmt: skip
LISTS: Mapping[str, Any] = {
    "samplers": [{"name": n, "aliases": list(aliases), "options": {}} for n, aliases in SAMPLERS.items()],
    "schedulers": [
        {"name": name, "label": label, "aliases": None, "default_rho": -1.0, "need_inner_model": False}
        for name, label in SCHEDULERS.items()
    ],
    "sd-models": MODELS,
    "upscalers": [{"name": "None", "model_name": None, "model_path": None, "model_url": None, "scale": 4}],
    "latent-upscale-modes": [
        {"name": f"Latent{mode}"}
        for mode in (
            "", " (antialiased)", " (bicubic)", " (bicubic antialiased)", " (nearest)", " (nearest-exact)"
        )
    ],
    "scripts": {"txt2img": [], "img2img": []},
    "embeddings": {"loaded": {}, "skipped": {}},
    "cmd-flags": FLAGS,
    **{
        name: []
        for name in (
            "sd-vae", "loras", "hypernetworks", "face-restorers", "realesrgan-models", "prompt-styles", "script-info",
            "extensions",
        )
    },
}  # fmt: skip


def options(pod: Document) -> dict[str, Any]:
    return {**OPTIONS, **pod.get(KEPT, {})}


def overridden(current: Mapping[str, Any], overrides: Mapping[str, Any] | None) -> dict[str, Any]:
    """The options of one job. As in the Web UI, a checkpoint that doesn't exist is no override."""
    given = _known(overrides or {})
    if not _is_model(given.get("sd_model_checkpoint")):
        given.pop("sd_model_checkpoint", None)
    return {**current, **given}


def accepted(given: Mapping[str, Any]) -> dict[str, Any]:
    """The options to keep; unknown ones are ignored, an unknown checkpoint is an error."""
    checkpoint = given.get("sd_model_checkpoint")
    if checkpoint is not None and not _is_model(checkpoint):
        raise problem(500, error="RuntimeError", text=f"model {checkpoint!r} not found")
    return _known(given) | ({"sd_model_checkpoint": MODEL} if checkpoint is not None else {})


def _known(given: Mapping[str, Any]) -> dict[str, Any]:
    """Values of another type than the option's are ignored, too: nothing could be drawn with them."""
    return {k: v for k, v in given.items() if k in OPTIONS and _fits(OPTIONS[k], v)}


def _fits(default: Any, value: Any) -> bool:
    if default is None:
        return value is None or isinstance(value, str)
    numbers = isinstance(default, int | float) and not isinstance(default, bool)
    return (
        isinstance(value, int | float) and not isinstance(value, bool)
        if numbers
        else type(value) is type(default)
    )


def _is_model(name: Any) -> bool:
    return name in (MODEL, MODEL_HASH, MODEL_SHA256, f"{MODEL} [{MODEL_HASH}]")
