"""Furniture and vessels in clay: what people sit on, and what fruit and flowers are put into."""

import numpy as np
from PIL import Image

from lib.sandbox.painter.clay import Clay
from lib.sandbox.painter.pixels import Array, mix, rgb

WIDTH = 240
WOOD, DARK_WOOD, GOLD = rgb(158, 102, 62), rgb(104, 66, 44), rgb(226, 176, 70)
STONE, IRON = rgb(150, 144, 146), rgb(62, 60, 72)


def sofa() -> Image.Image:
    return _upholstered(1.0, 0.52, (0.32, 0.68), rgb(206, 60, 58))


def armchair() -> Image.Image:
    return _upholstered(1.0, 0.96, (0.5,), rgb(74, 128, 128))


def _upholstered(wide: float, tall: float, seams: tuple[float, ...], cloth: Array) -> Image.Image:
    """Back, seat and two round arms; the seat's upper edge lies at half the height."""
    clay = Clay(WIDTH + 16, tall)
    arm, seat, foot = 0.075 * wide + 0.05 * (len(seams) == 1), tall * 0.5, tall * 0.9
    for x in (0.1, 0.9):
        clay.limb([(x, foot - 0.02), (x, tall - 0.02)], [0.022, 0.016], DARK_WOOD)
    clay.slab([(0.07, 0.03), (0.93, 0.03), (0.93, foot), (0.07, foot)], cloth * 0.93, soft=0.06)
    for x in seams[1:]:
        middle = (seams[0] + x) / 2
        clay.limb([(middle, 0.08), (middle, seat)], [0.006, 0.006], cloth * 0.62)
    clay.slab([(0.1, seat), (0.9, seat), (0.9, foot - 0.02), (0.1, foot - 0.02)], cloth, soft=0.045)
    if len(seams) > 1:
        clay.limb([(0.5, seat + 0.02), (0.5, seat + tall * 0.17)], [0.006, 0.006], cloth * 0.62)
    clay.limb([(0.12, seat + tall * 0.22), (0.88, seat + tall * 0.22)], [0.006, 0.006], cloth * 0.62)
    for x in (arm + 0.01, 1 - arm - 0.01):
        clay.limb([(x, tall * 0.42), (x, foot - arm * 0.6)], [arm, arm], cloth * 1.04)
    return clay.image()


def bench() -> Image.Image:
    clay = Clay(WIDTH, 0.56)
    for x in (0.12, 0.88):
        clay.limb([(x, 0.04), (x, 0.53)], [0.02, 0.02], IRON)
        clay.limb([(x, 0.34), (x - 0.05 if x < 0.5 else x + 0.05, 0.53)], [0.018, 0.018], IRON)
    for y in (0.07, 0.15, 0.23):
        clay.slab([(0.03, y - 0.03), (0.97, y - 0.03), (0.97, y + 0.03), (0.03, y + 0.03)], WOOD, soft=0.015)
    for y in (0.31, 0.36):
        clay.slab(
            [(0.01, y - 0.025), (0.99, y - 0.025), (0.99, y + 0.03), (0.01, y + 0.03)], WOOD * 1.1, soft=0.015
        )
    return clay.image()


def throne() -> Image.Image:
    clay = Clay(WIDTH, 1.6)
    velvet = rgb(156, 34, 54)
    clay.slab([(0.14, 0.2), (0.5, 0.02), (0.86, 0.2), (0.86, 1.5), (0.14, 1.5)], GOLD, soft=0.04)
    clay.slab([(0.23, 0.26), (0.5, 0.13), (0.77, 0.26), (0.77, 0.95), (0.23, 0.95)], velvet, soft=0.04)
    for x in (0.14, 0.5, 0.86):
        clay.ellipse((x, 0.1 if x != 0.5 else 0.05), (0.05, 0.05), rgb(206, 50, 60) if x == 0.5 else GOLD)
    clay.slab([(0.16, 0.95), (0.84, 0.95), (0.84, 1.18), (0.16, 1.18)], velvet * 1.1, soft=0.04)
    clay.limb([(0.14, 1.22), (0.86, 1.22)], [0.035, 0.035], GOLD * 0.92)
    for x in (0.1, 0.9):
        clay.limb([(x, 0.78), (x, 1.5)], [0.055, 0.06], GOLD)
        clay.ellipse((x, 0.76), (0.075, 0.06), GOLD * 1.05)
    clay.slab([(0.04, 1.48), (0.96, 1.48), (0.96, 1.58), (0.04, 1.58)], GOLD * 0.8, soft=0.02)
    return clay.image()


def fireplace() -> Image.Image:
    clay = Clay(WIDTH, 0.98)
    clay.slab([(0.06, 0.12), (0.94, 0.12), (0.94, 0.95), (0.06, 0.95)], STONE, soft=0.03)
    for row in range(6):
        for column in range(5):
            x, y = 0.1 + column * 0.165 + (row % 2) * 0.07, 0.19 + row * 0.13
            tone = STONE * (0.86 + 0.06 * ((row * 3 + column * 5) % 4))
            corners = [(x, y), (x + 0.13, y), (x + 0.13, y + 0.095), (x, y + 0.095)]
            clay.slab([(min(px, 0.91), py) for px, py in corners], tone, soft=0.018)
    clay.slab([(0.24, 0.42), (0.76, 0.42), (0.76, 0.95), (0.24, 0.95)], rgb(40, 26, 26), soft=0.03)
    for x, tall, tone in (
        (0.4, 0.22, (240, 110, 40)),
        (0.6, 0.2, (240, 110, 40)),
        (0.5, 0.34, (250, 150, 50)),
    ):
        clay.slab([(x - 0.1, 0.86), (x, 0.86 - tall), (x + 0.1, 0.86)], rgb(*tone), soft=0.03)
        clay.slab([(x - 0.05, 0.87), (x, 0.87 - tall * 0.6), (x + 0.05, 0.87)], rgb(255, 226, 120), soft=0.02)
    for y, x in ((0.9, 0.03), (0.87, -0.02)):
        clay.limb([(0.32 + x, y), (0.68 + x, y + 0.01)], [0.032, 0.032], DARK_WOOD)
    clay.slab([(0.0, 0.04), (1.0, 0.04), (1.0, 0.14), (0.0, 0.14)], WOOD, soft=0.02)
    return clay.image()


def floor_lamp() -> Image.Image:
    clay = Clay(140, 2.6)
    clay.ellipse((0.5, 2.52), (0.3, 0.06), IRON)
    clay.limb([(0.5, 0.6), (0.5, 2.5)], [0.028, 0.028], IRON)
    clay.slab([(0.3, 0.06), (0.7, 0.06), (0.95, 0.76), (0.05, 0.76)], rgb(255, 226, 160), soft=0.05)
    return clay.image()


def street_lamp() -> Image.Image:
    clay = Clay(110, 3.4)
    clay.slab([(0.34, 3.36), (0.4, 3.0), (0.6, 3.0), (0.66, 3.36)], IRON, soft=0.03)
    clay.limb([(0.5, 0.7), (0.5, 3.1)], [0.045, 0.06], IRON)
    clay.slab([(0.28, 0.28), (0.72, 0.28), (0.62, 0.76), (0.38, 0.76)], rgb(255, 228, 150), soft=0.03)
    clay.slab([(0.2, 0.28), (0.5, 0.06), (0.8, 0.28)], IRON, soft=0.03)
    clay.limb([(0.36, 0.78), (0.64, 0.78)], [0.035, 0.035], IRON)
    return clay.image()


def bowl() -> Image.Image:
    clay = Clay(WIDTH, 0.46)
    blue = rgb(86, 132, 186)
    x = np.linspace(-1, 1, 25)
    curve = [(0.5 + 0.47 * float(v), 0.06 + 0.34 * float(np.sqrt(max(0.0, 1 - v * v)))) for v in x]
    clay.slab([(0.36, 0.36), (0.64, 0.36), (0.68, 0.44), (0.32, 0.44)], blue * 0.86, soft=0.02)
    clay.slab(curve, blue, soft=0.03)
    clay.limb([(0.05, 0.075), (0.95, 0.075)], [0.026, 0.026], rgb(240, 240, 236))
    return clay.image()


def vase() -> Image.Image:
    clay = Clay(170, 1.5)
    glaze, band = rgb(64, 122, 176), rgb(238, 236, 226)
    y = np.linspace(0, 1, 30)
    half = 0.2 + 0.24 * np.sin(np.pi * np.clip(y * 1.05, 0, 1)) ** 1.3 + 0.08 * (1 - y) ** 6
    left = [(0.5 - float(h), 0.06 + 1.38 * float(v)) for h, v in zip(half, y, strict=True)]
    clay.slab([*left, *((1 - x, at) for x, at in reversed(left))], glaze, soft=0.07)
    for at, thick in ((0.5, 0.02), (0.95, 0.02)):
        reach = 0.36 if at < 0.7 else 0.4
        clay.limb([(0.5 - reach, at), (0.5, at + 0.03), (0.5 + reach, at)], [thick] * 3, band)
    clay.limb([(0.25, 0.07), (0.75, 0.07)], [0.04, 0.04], glaze * 1.12)
    return clay.image()


def plate() -> Image.Image:
    clay = Clay(WIDTH, 0.28)
    clay.ellipse((0.5, 0.14), (0.49, 0.13), rgb(238, 238, 240))
    clay.ellipse((0.5, 0.125), (0.33, 0.075), rgb(222, 224, 232), flat=0.6)
    return clay.image()


def box() -> Image.Image:
    """An open cardboard box: whoever is in it shows above the rim."""
    clay = Clay(WIDTH, 0.78)
    card = rgb(198, 148, 96)
    clay.slab([(0.13, 0.2), (0.0, 0.34), (0.12, 0.42), (0.2, 0.24)], card * 0.86, soft=0.015)
    clay.slab([(0.87, 0.2), (1.0, 0.34), (0.88, 0.42), (0.8, 0.24)], card * 0.8, soft=0.015)
    clay.slab([(0.12, 0.22), (0.88, 0.22), (0.86, 0.76), (0.14, 0.76)], card, soft=0.02)
    clay.slab(
        [(0.12, 0.22), (0.88, 0.22), (0.95, 0.36), (0.05, 0.36)],
        mix(card, rgb(255, 230, 190), 0.35),
        soft=0.015,
    )
    clay.slab([(0.46, 0.36), (0.54, 0.36), (0.54, 0.76), (0.46, 0.76)], card * 0.88, soft=0.01)
    clay.slab([(0.64, 0.6), (0.78, 0.6), (0.78, 0.68), (0.64, 0.68)], rgb(244, 238, 226), soft=0.01)
    return clay.image()


def cauldron() -> Image.Image:
    clay = Clay(WIDTH, 0.86)
    for x in (0.28, 0.72):
        clay.limb([(x, 0.66), (x + (x - 0.5) * 0.2, 0.83)], [0.05, 0.035], IRON)
    clay.ellipse((0.5, 0.46), (0.44, 0.37), IRON)
    clay.ellipse((0.5, 0.2), (0.4, 0.09), rgb(82, 80, 94))
    clay.ellipse((0.5, 0.195), (0.34, 0.06), rgb(120, 216, 92), flat=0.6)
    for x, y, r in ((0.4, 0.14, 0.05), (0.56, 0.1, 0.065), (0.66, 0.16, 0.035), (0.48, 0.05, 0.03)):
        clay.ellipse((x, y), (r, r), rgb(150, 236, 116))
    return clay.image()


def treasure_chest() -> Image.Image:
    clay = Clay(WIDTH, 0.86)
    clay.slab([(0.08, 0.36), (0.14, 0.06), (0.86, 0.06), (0.92, 0.36)], WOOD * 0.9, soft=0.06)
    clay.slab([(0.14, 0.34), (0.2, 0.14), (0.8, 0.14), (0.86, 0.34)], rgb(66, 38, 32), soft=0.04)
    for x, y, r in (
        (0.2, 0.4, 0.09),
        (0.36, 0.35, 0.1),
        (0.52, 0.33, 0.11),
        (0.68, 0.36, 0.1),
        (0.82, 0.41, 0.08),
    ):
        clay.ellipse((x, y), (r, r * 0.8), GOLD)
    for x, tone in ((0.3, (220, 50, 70)), (0.6, (60, 160, 220)), (0.74, (90, 200, 120))):
        clay.ellipse((x, 0.32), (0.04, 0.04), rgb(*tone))
    clay.slab([(0.06, 0.42), (0.94, 0.42), (0.92, 0.84), (0.08, 0.84)], WOOD, soft=0.03)
    for x in (0.1, 0.5, 0.9):
        clay.limb([(x, 0.44), (x, 0.82)], [0.03, 0.03], GOLD * 0.9)
    clay.slab([(0.43, 0.46), (0.57, 0.46), (0.57, 0.6), (0.43, 0.6)], GOLD, soft=0.015)
    clay.ellipse((0.5, 0.52), (0.022, 0.03), DARK_WOOD, flat=1.0)
    return clay.image()
