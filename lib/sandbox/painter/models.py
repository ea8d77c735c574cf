"""Things people ask for that are not among the sprites, modelled in clay: buildings here, the rest in other modules."""

from collections.abc import Callable

import numpy as np
from PIL import Image

from lib.sandbox.painter import crafts, furnishings
from lib.sandbox.painter.clay import Clay
from lib.sandbox.painter.pixels import mix, ramp, rgb

WIDTH = 240


def lighthouse() -> Image.Image:
    clay = Clay(WIDTH, 1.75)
    for x, y, r in ((0.3, 1.66, 0.2), (0.68, 1.68, 0.22), (0.5, 1.64, 0.26)):
        clay.ellipse((x, y), (r, r * 0.5), rgb(116, 112, 120))
    bands = 6
    for band in range(bands):
        low, high = 1.62 - band * 0.185, 1.62 - (band + 1) * 0.185
        thick = 0.2 - 0.085 * band / bands
        tone = rgb(214, 58, 52) if band % 2 else rgb(248, 244, 238)
        clay.limb([(0.5, low - 0.06), (0.5, high + 0.04)], [thick, thick * 0.93], tone)
    clay.ellipse((0.5, 0.48), (0.19, 0.035), rgb(70, 70, 84))
    clay.limb([(0.5, 0.42), (0.5, 0.32)], [0.092, 0.088], rgb(255, 232, 150))
    clay.ellipse((0.5, 0.36), (0.05, 0.07), rgb(255, 252, 226), flat=1.0)
    clay.ellipse((0.5, 0.23), (0.135, 0.1), rgb(190, 48, 46))
    clay.limb([(0.5, 0.15), (0.5, 0.08)], [0.016, 0.012], rgb(90, 90, 100))
    for y in (1.3, 0.93):
        clay.ellipse((0.5, y), (0.034, 0.052), rgb(64, 84, 120))
    return clay.image()


def windmill() -> Image.Image:
    clay = Clay(WIDTH, 1.5)
    clay.limb([(0.5, 1.36), (0.5, 0.62)], [0.23, 0.15], rgb(240, 226, 204))
    clay.ellipse((0.5, 0.52), (0.17, 0.13), rgb(150, 72, 54))
    clay.limb([(0.5, 1.44), (0.5, 1.36)], [0.055, 0.05], rgb(120, 78, 52))
    for x, y in ((0.44, 0.95), (0.57, 1.1)):
        clay.ellipse((x, y), (0.035, 0.05), rgb(74, 108, 150))
    for blade in range(4):
        angle = np.pi / 4 + blade * np.pi / 2 + 0.2
        dx, dy = np.cos(angle), np.sin(angle)
        side = (-dy * 0.055, dx * 0.055)
        hub = (0.5, 0.58)
        clay.limb([hub, (hub[0] + dx * 0.46, hub[1] + dy * 0.46)], [0.014, 0.012], rgb(112, 76, 54))
        inner = (hub[0] + dx * 0.14 + side[0], hub[1] + dy * 0.14 + side[1])
        outer = (hub[0] + dx * 0.43 + side[0], hub[1] + dy * 0.43 + side[1])
        clay.limb([inner, outer], [0.05, 0.05], rgb(246, 240, 226))
    clay.ellipse((0.5, 0.58), (0.04, 0.04), rgb(96, 66, 50))
    return clay.image()


def hot_air_balloon() -> Image.Image:
    clay = Clay(WIDTH, 1.42)
    for x in (0.42, 0.58):
        clay.limb([(0.5 + (x - 0.5) * 2.2, 0.86), (x, 1.2)], [0.006, 0.006], rgb(96, 80, 70))
    clay.limb([(0.5, 1.2), (0.5, 1.3)], [0.085, 0.075], rgb(160, 106, 62))
    clay.limb([(0.42, 1.17), (0.58, 1.17)], [0.016, 0.016], rgb(112, 72, 46))
    clay.ellipse((0.5, 0.86), (0.13, 0.12), rgb(206, 66, 58))
    tones = ramp(
        ((226, 70, 62), (246, 176, 64), (250, 240, 214), (64, 150, 196)),
        np.linspace(0, 1, 4, dtype=np.float32),
    )
    clay.ellipse((0.5, 0.48), (0.46, 0.46), tones[0])
    for reach, tone in ((0.37, tones[1]), (0.26, tones[2]), (0.15, tones[3]), (0.05, tones[1])):
        clay.ellipse((0.5, 0.48), (reach, 0.458), mix(tone, tone * 0.9, 0.5), flat=0.25)
    return clay.image()


def airship() -> Image.Image:
    clay = Clay(WIDTH + 16, 0.62)
    brass, cloth = rgb(176, 124, 66), rgb(206, 178, 142)
    clay.limb([(0.9, 0.14), (0.82, 0.24)], [0.05, 0.06], rgb(150, 70, 56))
    clay.limb([(0.9, 0.42), (0.82, 0.34)], [0.05, 0.06], rgb(150, 70, 56))
    for x in (0.36, 0.6):
        clay.limb([(x, 0.42), (x, 0.52)], [0.008, 0.008], brass)
    clay.limb([(0.36, 0.535), (0.6, 0.535)], [0.055, 0.05], rgb(112, 70, 46))
    for x in (0.36, 0.44, 0.52, 0.6):
        clay.ellipse((x, 0.525), (0.018, 0.02), rgb(255, 220, 140), flat=0.7)
    clay.ellipse((0.48, 0.27), (0.46, 0.19), cloth)
    for x in (0.22, 0.35, 0.48, 0.61, 0.74):
        tall = 0.19 * np.sqrt(max(0.0, 1 - ((x - 0.48) / 0.46) ** 2))
        clay.ellipse((x, 0.27), (0.011, tall), brass, flat=0.3)
    clay.limb([(0.93, 0.2), (0.96, 0.27), (0.93, 0.34)], [0.02, 0.03, 0.02], brass)
    return clay.image()


def bridge() -> Image.Image:
    clay = Clay(256, 0.52)
    red = rgb(196, 74, 50)
    for x in (0.24, 0.76):
        for side in (-0.03, 0.03):
            clay.limb([(x + side, 0.05), (x + side, 0.5)], [0.014, 0.016], red)
        for y in (0.09, 0.2):
            clay.limb([(x - 0.03, y), (x + 0.03, y)], [0.012, 0.012], red)
    spans = ((0.0, 0.33, 0.24, 0.05), (0.24, 0.05, 0.76, 0.05), (0.76, 0.05, 1.0, 0.33))
    for x0, y0, x1, y1 in spans:
        sag = 0.24 if x0 and x1 < 1 else 0.04
        ts = np.linspace(0, 1, 15)
        points = [(x0 + (x1 - x0) * t, y0 + (y1 - y0) * t + sag * 4 * t * (1 - t)) for t in ts]
        clay.limb(points, [0.008] * len(points), red * 0.9)
        for px, py in points[1:-1]:
            clay.limb([(px, py), (px, 0.36)], [0.0035, 0.0035], red * 0.85)
    clay.limb([(0.0, 0.37), (1.0, 0.37)], [0.018, 0.018], red * 0.8)
    return clay.image()


def pyramid() -> Image.Image:
    clay = Clay(256, 0.62)
    sand = rgb(226, 186, 120)
    clay.slab([(0.46, 0.02), (0.98, 0.6), (0.62, 0.6)], sand * 0.72, soft=0.008)
    clay.slab([(0.46, 0.02), (0.64, 0.6), (0.02, 0.6)], sand, soft=0.008)
    for row in range(1, 13):
        share = row / 13
        y, left, corner, right = (
            0.02 + 0.58 * share,
            0.46 - 0.44 * share,
            0.46 + 0.18 * share,
            0.46 + 0.52 * share,
        )
        clay.limb([(left, y), (corner, y)], [0.003, 0.003], sand * 0.84)
        clay.limb([(corner, y), (right, y)], [0.003, 0.003], sand * 0.6)
    return clay.image()


def igloo() -> Image.Image:
    clay = Clay(256, 0.56)
    snow, joint = rgb(236, 244, 252), rgb(176, 198, 222)
    clay.ellipse((0.46, 0.54), (0.44, 0.51), snow)
    for radius in (0.2, 0.34):
        reach = 0.43 * float(np.sqrt(1 - (radius / 0.51) ** 2))
        clay.limb([(0.46 - reach, 0.54 - radius), (0.46 + reach, 0.54 - radius)], [0.005, 0.005], joint)
    for row, y in ((0, 0.44), (1, 0.28)):
        for x in (0.16, 0.32, 0.48, 0.64):
            clay.limb([(x + 0.05 * row, y - 0.06), (x + 0.05 * row, y + 0.07)], [0.004, 0.004], joint)
    clay.ellipse((0.7, 0.54), (0.22, 0.3), snow * 0.97)
    clay.ellipse((0.73, 0.56), (0.14, 0.22), rgb(66, 84, 122))
    clay.pixels[int(0.545 * 256) :] = 0
    return clay.image()


MODELS: dict[str, Callable[[], Image.Image]] = {
    "lighthouse": lighthouse,
    "windmill": windmill,
    "hot air balloon": hot_air_balloon,
    "airship": airship,
    "bridge": bridge,
    "pyramid": pyramid,
    "igloo": igloo,
    "sailboat": crafts.sailboat,
    "galleon": crafts.galleon,
    "submarine": crafts.submarine,
    "sports car": crafts.sports_car,
    "sofa": furnishings.sofa,
    "armchair": furnishings.armchair,
    "bench": furnishings.bench,
    "throne": furnishings.throne,
    "fireplace": furnishings.fireplace,
    "floor lamp": furnishings.floor_lamp,
    "street lamp": furnishings.street_lamp,
    "bowl": furnishings.bowl,
    "vase": furnishings.vase,
    "plate": furnishings.plate,
    "box": furnishings.box,
    "cauldron": furnishings.cauldron,
    "treasure chest": furnishings.treasure_chest,
}
