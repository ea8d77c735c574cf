"""Heads with what makes them who they are: a knight's helmet, a pirate's hat, a viking's horns. In clay, over a sprite.

`bodies.toy` gives them a body.
"""

from collections.abc import Callable

from PIL import Image

from lib.sandbox.painter.clay import Clay
from lib.sandbox.painter.pixels import Array, rgb

WIDTH = 230
STEEL, GOLD, IRON = rgb(176, 184, 198), rgb(226, 178, 72), rgb(52, 50, 60)
Loader = Callable[[str], Image.Image]


def knight(_load: Loader) -> Image.Image:
    clay = Clay(WIDTH, 1.16)
    plume = rgb(206, 44, 48)
    clay.limb([(0.5, 0.3), (0.46, 0.1), (0.62, 0.06), (0.86, 0.22)], [0.05, 0.075, 0.085, 0.05], plume)
    clay.limb([(0.5, 0.62), (0.5, 0.8)], [0.4, 0.36], STEEL)
    clay.ellipse((0.5, 0.56), (0.42, 0.4), STEEL)
    clay.limb([(0.5, 0.2), (0.5, 0.5)], [0.028, 0.028], GOLD)
    clay.slab([(0.12, 0.54), (0.88, 0.54), (0.82, 0.96), (0.5, 1.1), (0.18, 0.96)], STEEL * 1.06, soft=0.05)
    clay.slab([(0.17, 0.6), (0.83, 0.6), (0.82, 0.68), (0.5, 0.71), (0.18, 0.68)], IRON, soft=0.02)
    for x in (0.34, 0.42, 0.5, 0.58, 0.66):
        clay.limb([(x, 0.8), (x, 0.92)], [0.013, 0.013], IRON)
    for x in (0.14, 0.86):
        clay.ellipse((x, 0.64), (0.05, 0.05), GOLD)
    return clay.image()


def _with_room(face: Image.Image, lift: float) -> Clay:
    """The sprite with room for a hat above it."""
    face = face.resize((int(WIDTH * 0.8), int(WIDTH * 0.8 * face.height / face.width)))
    clay = Clay(WIDTH, face.height / WIDTH + lift)
    clay.paste(face, 0.1, lift)
    return clay


def pirate(load: Loader) -> Image.Image:
    clay = _with_room(load("man: beard"), 0.16)
    black = rgb(44, 42, 52)
    clay.limb([(0.16, 0.5), (0.62, 0.5)], [0.012, 0.012], black)
    clay.ellipse((0.64, 0.53), (0.1, 0.09), black)
    clay.slab(
        [(0.02, 0.36), (0.22, 0.1), (0.5, 0.0), (0.78, 0.1), (0.98, 0.36), (0.5, 0.3)], black, soft=0.04
    )
    clay.limb([(0.06, 0.36), (0.5, 0.31), (0.94, 0.36)], [0.022] * 3, GOLD)
    clay.ellipse((0.5, 0.16), (0.065, 0.06), rgb(244, 240, 230))
    clay.limb([(0.47, 0.21), (0.53, 0.21)], [0.026, 0.026], rgb(244, 240, 230))
    for x in (0.475, 0.525):
        clay.ellipse((x, 0.165), (0.016, 0.018), black, flat=1.0)
    return clay.image()


def fisherman(load: Loader) -> Image.Image:
    return _brimmed(load("old man"), rgb(244, 190, 52))


def soldier(load: Loader) -> Image.Image:
    return _brimmed(load("man: beard"), rgb(96, 108, 70))


def _brimmed(face: Image.Image, tone: Array) -> Image.Image:
    """A sou'wester or a helmet: round crown, brim all around."""
    clay = _with_room(face, 0.1)
    clay.ellipse((0.5, 0.27), (0.36, 0.25), tone)
    clay.slab([(0.04, 0.44), (0.18, 0.3), (0.82, 0.3), (0.96, 0.44), (0.5, 0.36)], tone * 0.94, soft=0.035)
    return clay.image()


def viking(load: Loader) -> Image.Image:
    clay = _with_room(load("man: beard"), 0.2)
    ivory = rgb(240, 228, 200)
    for side in (-1, 1):
        horn = [(0.5 + side * 0.3, 0.34), (0.5 + side * 0.43, 0.26), (0.5 + side * 0.44, 0.06)]
        clay.limb(horn, [0.07, 0.055, 0.014], ivory)
    clay.ellipse((0.5, 0.36), (0.35, 0.26), STEEL)
    clay.slab([(0.12, 0.36), (0.88, 0.36), (0.87, 0.46), (0.5, 0.42), (0.13, 0.46)], GOLD, soft=0.02)
    clay.limb([(0.5, 0.14), (0.5, 0.4)], [0.03, 0.03], GOLD)
    clay.slab([(0.46, 0.42), (0.54, 0.42), (0.53, 0.58), (0.47, 0.58)], GOLD, soft=0.015)
    return clay.image()
