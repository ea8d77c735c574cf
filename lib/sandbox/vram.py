"""The memory of the GPU that isn't there: how much a card has, what the model and a job would take of it.

A rule of thumb for Stable Diffusion 1.5 (about 4 GB at 512x512), so that a picture that is too large for a T4 may fit
an L4. No memory is measured here, and the painter's own use of memory is another matter.
"""

from __future__ import annotations

from typing import Any

CARD_GB = {  # as sold, per card
    "nvidia-tesla-t4": 16, "nvidia-l4": 24, "nvidia-tesla-a100": 40, "nvidia-a100-80gb": 80, "nvidia-h100-80gb": 80,
    "nvidia-h100-mega-80gb": 80, "nvidia-h200-141gb": 141, "nvidia-b200": 180, "nvidia-rtx-pro-6000": 96,
    "nvidia-tesla-v100": 16, "nvidia-tesla-p100": 16, "nvidia-tesla-p4": 8,
}  # fmt: skip
OTHER_CARD_GB = 16
MODEL_BYTES = 3.2e9
PIXEL_BYTES = 0.8e9 / 512**2
RESERVE = 1.15  # what PyTorch's allocator keeps beyond what is in use
GIB = 2**30


def card_bytes(accelerator: str) -> float:
    return CARD_GB.get(accelerator, OTHER_CARD_GB) * 1e9


def used_bytes(pixels: int) -> float:
    """While a batch of so many pixels is drawn; 0: with the model loaded and nothing to do."""
    return MODEL_BYTES + pixels * PIXEL_BYTES


def fits(pixels: int, total: float) -> bool:
    return used_bytes(pixels) * RESERVE <= total


def out_of_memory(pixels: int, total: float) -> str:
    """PyTorch's sentence."""
    reserved = MODEL_BYTES * RESERVE
    return (
        f"CUDA out of memory. Tried to allocate {pixels * PIXEL_BYTES / GIB:.2f} GiB (GPU 0; {total / GIB:.2f} GiB total "
        f"capacity; {MODEL_BYTES / GIB:.2f} GiB already allocated; {(total - reserved) / GIB:.2f} GiB free; "
        f"{reserved / GIB:.2f} GiB reserved in total by PyTorch) If reserved memory is >> allocated memory try setting "
        "max_split_size_mb to avoid fragmentation.  See documentation for Memory Management and PYTORCH_CUDA_ALLOC_CONF"
    )


def stats(total: float, *, pixels: int, peak_pixels: int, ooms: int) -> dict[str, Any]:
    """The `cuda` part of /sdapi/v1/memory: now, and at the most since the process began."""
    now, peak = int(used_bytes(pixels)), int(used_bytes(peak_pixels))
    held = {"current": int(now * RESERVE), "peak": int(peak * RESERVE)}
    allocated = {"current": now, "peak": peak}
    idle = {name: held[name] - allocated[name] for name in held}
    return {
        "system": {"free": int(total) - held["current"], "used": held["current"], "total": int(total)},
        "active": allocated,
        "allocated": allocated,
        "reserved": held,
        "inactive": idle,
        "events": {"retries": 0, "oom": ooms},
    }
