"""The light of a scene: sky colours, the key light's colour and side, ambient tint, haze. One table, some variants each."""

from dataclasses import dataclass

import numpy as np

from lib.sandbox.painter.pixels import Array, Rng, mix, rgb

# time: variants of (sky from the top to the horizon, key light, ambient, key strength)
_SKIES = {
    "day": (
        (((46, 108, 196), (104, 164, 226), (170, 208, 240), (222, 236, 246)), (255, 244, 222), (236, 242, 250), 0.62),
        (((60, 138, 200), (124, 190, 224), (188, 224, 234), (240, 244, 236)), (255, 246, 214), (238, 244, 244), 0.6),
        (((70, 120, 186), (136, 176, 220), (204, 216, 232), (246, 232, 220)), (255, 238, 208), (240, 238, 240), 0.62),
    ),
    "sunset": (
        (((54, 50, 112), (150, 76, 128), (242, 126, 92), (255, 202, 120)), (255, 190, 120), (226, 176, 170), 0.85),
        (((40, 66, 118), (128, 108, 150), (240, 152, 110), (255, 214, 150)), (255, 200, 134), (220, 184, 176), 0.8),
        (((74, 36, 88), (176, 62, 92), (244, 106, 66), (255, 184, 84)), (255, 172, 100), (226, 162, 150), 0.9),
    ),
    "dusk": (
        (((24, 32, 82), (62, 62, 128), (136, 98, 150), (232, 150, 146)), (214, 176, 220), (150, 144, 190), 0.6),
        (((18, 40, 84), (44, 82, 132), (112, 130, 168), (236, 178, 150)), (220, 190, 200), (144, 156, 190), 0.6),
    ),
    "dawn": (
        (((94, 128, 190), (170, 174, 212), (244, 196, 192), (255, 226, 188)), (255, 222, 186), (232, 216, 222), 0.65),
        (((106, 146, 190), (176, 196, 214), (246, 214, 196), (255, 236, 200)), (255, 228, 190), (232, 224, 222), 0.6),
    ),
    "night": (
        (((6, 10, 30), (14, 24, 58), (28, 46, 92), (58, 80, 124)), (176, 200, 255), (96, 112, 160), 0.62),
        (((10, 8, 34), (24, 20, 66), (44, 40, 102), (84, 74, 134)), (190, 190, 255), (106, 104, 160), 0.62),
        (((4, 18, 34), (8, 40, 62), (22, 70, 92), (60, 112, 124)), (176, 224, 240), (92, 126, 150), 0.6),
    ),
    "storm": (
        (((34, 40, 54), (58, 66, 82), (90, 98, 112), (132, 138, 144)), (206, 214, 230), (150, 158, 172), 0.35),
        (((40, 40, 50), (70, 70, 80), (104, 108, 110), (154, 150, 138)), (222, 216, 206), (158, 158, 162), 0.35),
    ),
    "overcast": (
        (((150, 160, 174), (178, 188, 200), (204, 212, 220), (224, 228, 232)), (244, 246, 250), (208, 214, 222), 0.3),
        (((138, 154, 170), (170, 184, 196), (206, 212, 214), (230, 228, 222)), (248, 246, 242), (210, 212, 216), 0.3),
    ),
    "space": (
        (((4, 4, 14), (10, 8, 26), (16, 10, 34), (8, 8, 24)), (222, 228, 255), (108, 104, 150), 0.95),
        (((3, 6, 14), (6, 16, 32), (10, 24, 44), (6, 12, 26)), (236, 240, 255), (96, 116, 150), 0.95),
    ),
    "underwater": (
        (((120, 214, 226), (34, 146, 190), (14, 88, 146), (8, 44, 92)), (190, 244, 250), (110, 186, 216), 0.5),
        (((140, 224, 210), (36, 150, 164), (12, 92, 124), (6, 44, 76)), (200, 250, 236), (110, 194, 200), 0.5),
    ),
    "indoor": (
        (((226, 214, 196), (216, 202, 182), (206, 190, 170), (196, 178, 158)), (255, 236, 204), (222, 210, 200), 0.6),
    ),
    "stage": ((((8, 6, 16), (16, 10, 30), (26, 16, 44), (36, 22, 56)), (255, 226, 200), (120, 98, 140), 0.95),),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Light:
    time: str
    sky: tuple[tuple[int, int, int], ...]
    key: Array
    ambient: Array
    strength: float
    side: int  # -1: the light comes from the left
    sun: tuple[float, float]  # where sun or moon stands, y and x of the picture

    @property
    def dark(self) -> bool:
        return self.time in {"night", "space", "stage", "dusk"}

    @property
    def haze(self) -> Array:
        """The colour far things fade to."""
        return rgb(*self.sky[-1]) if self.time != "space" else rgb(20, 18, 44)

    @property
    def ground(self) -> Array:
        """What ground colours are multiplied by."""
        base = self.ambient * 0.62 + self.key * self.strength * 0.42
        return np.minimum(base, 1.08).astype(np.float32)


def light_for(time: str, rng: Rng) -> Light:
    variants = _SKIES[time]
    sky, key, ambient, strength = variants[rng.integers(len(variants))]
    side = 1 if rng.random() < 0.5 else -1
    low = {"sunset": 0.5, "dawn": 0.48, "dusk": 0.54}.get(time, 0.17)
    height = low + 0.07 * (rng.random() - 0.5)
    place = 0.5 + side * (0.2 + 0.18 * rng.random())
    return Light(time, sky, rgb(*key), rgb(*ambient), strength, side, (height, place))


def dimmed(light: Light, colour: tuple[float, ...] | Array, haze: float = 0.0) -> Array:
    """A ground colour (0..255, or an array of 0..1) in this light, faded by distance."""
    base = colour if isinstance(colour, np.ndarray) else rgb(*colour)
    return np.clip(mix(base * light.ground, light.haze, haze), 0, 1)
