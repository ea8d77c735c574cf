"""The values that go in and out of the painter. No drawing here, and nothing but the standard library."""

from collections.abc import Callable
from dataclasses import dataclass

MODEL_NAME = "sandbox-scene-painter, not Stable Diffusion"

# The names the Web UI offers, so that its clients find the sampler they are set to.
SAMPLERS = (
    "DPM++ 2M",
    "DPM++ SDE",
    "DPM++ 2M SDE",
    "DPM++ 2M SDE Heun",
    "DPM++ 2S a",
    "DPM++ 3M SDE",
    "Euler a",
    "Euler",
    "LMS",
    "Heun",
    "DPM2",
    "DPM2 a",
    "DPM fast",
    "DPM adaptive",
    "Restart",
    "DDIM",
    "DDIM CFG++",
    "PLMS",
    "UniPC",
    "LCM",
)

# (step, steps, preview as JPEG or None) -> False to interrupt. Counts run over the whole job, all pictures of it.
Progress = Callable[[int, int, bytes | None], bool]


@dataclass(frozen=True, slots=True)
class DrawRequest:
    """One txt2img job. The caller resolves seed -1; image i of the job uses seed + i."""

    prompt: str
    negative_prompt: str = ""
    seed: int = 0
    width: int = 512
    height: int = 512
    steps: int = 20
    cfg_scale: float = 7.0
    sampler_name: str = "Euler a"
    batch_size: int = 1
    n_iter: int = 1


@dataclass(frozen=True, slots=True)
class Picture:
    """A finished picture and what was made of its prompt; the infotext is in the PNG, too."""

    png: bytes
    seed: int
    infotext: str
    understood: tuple[str, ...]
    skipped: tuple[str, ...]
