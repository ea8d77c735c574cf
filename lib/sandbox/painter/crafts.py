"""Boats and cars that no sprite shows well, modelled in clay: sailing boats, a galleon, a submarine, a sports car."""

import numpy as np
from PIL import Image

from lib.sandbox.painter.clay import Clay
from lib.sandbox.painter.pixels import Array, mix, rgb

WIDTH = 250
WHITE, WOOD, DARK_WOOD, GLASS = rgb(250, 247, 238), rgb(150, 92, 54), rgb(104, 64, 42), rgb(150, 205, 236)


def sailboat() -> Image.Image:
    clay = Clay(WIDTH, 1.12)
    clay.limb([(0.47, 0.04), (0.47, 0.9)], [0.011, 0.015], DARK_WOOD)
    clay.slab([(0.49, 0.06), (0.5, 0.8), (0.9, 0.8), (0.66, 0.42)], WHITE, soft=0.025)
    clay.slab([(0.5, 0.56), (0.5, 0.8), (0.9, 0.8), (0.78, 0.58)], rgb(222, 70, 60), soft=0.02)
    clay.slab([(0.45, 0.14), (0.45, 0.8), (0.12, 0.8)], rgb(240, 226, 196), soft=0.025)
    clay.limb([(0.46, 0.82), (0.92, 0.82)], [0.012, 0.01], DARK_WOOD)
    clay.slab([(0.05, 0.86), (0.97, 0.86), (0.84, 1.08), (0.2, 1.08)], rgb(60, 98, 168), soft=0.03)
    clay.limb([(0.05, 0.875), (0.96, 0.875)], [0.022, 0.022], WHITE)
    return clay.image()


def galleon() -> Image.Image:
    """Three masts with bellied square sails, a stern castle, gun ports and a black flag."""
    clay = Clay(WIDTH + 20, 1.04)
    cloth = rgb(238, 224, 190)
    clay.limb([(0.06, 0.6), (0.24, 0.74)], [0.008, 0.014], DARK_WOOD)
    for x, top in ((0.27, 0.16), (0.5, 0.05), (0.73, 0.2)):
        clay.limb([(x, top), (x, 0.78)], [0.008, 0.015], DARK_WOOD)
        tall = 0.7 - top
        for share, half in ((0.1, 0.085), (0.42, 0.115)):
            upper = top + share * tall
            lower = upper + tall * 0.28
            sail = [(x - half * 0.85, upper), (x + half * 0.85, upper), (x + half * 1.1, lower)]
            belly = [(x + half * 0.5, lower - 0.02), (x - half * 0.5, lower - 0.02), (x - half * 1.05, lower)]
            clay.slab([*sail, *belly], cloth, soft=0.03)
            clay.limb([(x - half * 0.95, upper), (x + half * 0.95, upper)], [0.009, 0.009], DARK_WOOD)
    clay.slab([(0.5, 0.05), (0.62, 0.075), (0.5, 0.115)], rgb(44, 42, 50), soft=0.008)
    hull = [(0.12, 0.72), (0.24, 0.79), (0.68, 0.79), (0.72, 0.66), (0.95, 0.62), (0.9, 0.98), (0.28, 0.99)]
    clay.slab(hull, WOOD, soft=0.03)
    clay.limb([(0.2, 0.815), (0.7, 0.82), (0.92, 0.76)], [0.012, 0.012, 0.012], rgb(214, 164, 74))
    clay.limb([(0.24, 0.93), (0.88, 0.92)], [0.01, 0.01], DARK_WOOD)
    for x in (0.32, 0.42, 0.52, 0.62, 0.72):
        clay.slab([(x, 0.855), (x + 0.04, 0.855), (x + 0.04, 0.895), (x, 0.895)], rgb(46, 34, 32), soft=0.008)
    for x in (0.77, 0.85):
        clay.slab(
            [(x, 0.68), (x + 0.05, 0.675), (x + 0.05, 0.72), (x, 0.725)], rgb(255, 216, 130), soft=0.008
        )
    return clay.image()


def submarine() -> Image.Image:
    clay = Clay(WIDTH, 0.62)
    yellow, brass = rgb(246, 196, 52), rgb(168, 116, 60)
    clay.limb([(0.5, 0.16), (0.5, 0.05), (0.57, 0.05)], [0.016, 0.014, 0.016], brass)
    clay.slab([(0.36, 0.28), (0.4, 0.13), (0.62, 0.13), (0.66, 0.28)], yellow * 0.96, soft=0.03)
    clay.limb([(0.93, 0.26), (0.93, 0.52)], [0.03, 0.03], brass)
    clay.slab([(0.78, 0.34), (0.94, 0.2), (0.96, 0.58), (0.78, 0.46)], rgb(214, 96, 52), soft=0.03)
    clay.ellipse((0.45, 0.4), (0.42, 0.185), yellow)
    clay.limb([(0.1, 0.47), (0.8, 0.47)], [0.02, 0.02], rgb(214, 96, 52))
    for x in (0.2, 0.38, 0.56):
        _porthole(clay, (x, 0.36), brass)
    return clay.image()


def _porthole(clay: Clay, at: tuple[float, float], rim: Array) -> None:
    x, y = at
    clay.ellipse((x, y), (0.066, 0.066), rim)
    clay.ellipse((x, y), (0.046, 0.046), GLASS, flat=0.5)
    clay.ellipse((x - 0.014, y - 0.016), (0.014, 0.012), WHITE, flat=1.0)


def sports_car() -> Image.Image:
    clay = Clay(WIDTH + 20, 0.36)
    red, tyre = rgb(214, 40, 42), rgb(44, 42, 50)
    clay.slab([(0.3, 0.17), (0.42, 0.05), (0.64, 0.05), (0.8, 0.17)], red * 0.92, soft=0.03)
    clay.slab([(0.35, 0.165), (0.435, 0.075), (0.52, 0.075), (0.52, 0.165)], GLASS, soft=0.012)
    clay.slab([(0.545, 0.165), (0.545, 0.075), (0.625, 0.075), (0.72, 0.165)], GLASS, soft=0.012)
    body = [(0.02, 0.21), (0.12, 0.16), (0.36, 0.145), (0.78, 0.145), (0.97, 0.17), (0.98, 0.27), (0.94, 0.3)]
    clay.slab([*body, (0.04, 0.3), (0.01, 0.27)], red, soft=0.035)
    clay.slab([(0.86, 0.15), (0.9, 0.09), (0.99, 0.09), (0.99, 0.115), (0.93, 0.15)], red * 0.8, soft=0.012)
    clay.limb([(0.08, 0.285), (0.92, 0.285)], [0.014, 0.014], tyre)
    clay.ellipse((0.075, 0.205), (0.034, 0.018), rgb(255, 248, 214), flat=0.6)
    clay.ellipse((0.965, 0.2), (0.018, 0.016), rgb(255, 120, 90), flat=0.6)
    clay.limb([(0.54, 0.2), (0.58, 0.2)], [0.008, 0.008], red * 0.6)
    for x in (0.21, 0.78):
        clay.ellipse((x, 0.27), (0.088, 0.088), tyre)
        clay.ellipse((x, 0.27), (0.054, 0.054), rgb(206, 208, 216))
        for turn in np.arange(5) * 2 * np.pi / 5:
            spoke = (x + 0.044 * float(np.sin(turn)), 0.27 - 0.044 * float(np.cos(turn)))
            clay.limb([(x, 0.27), spoke], [0.009, 0.007], mix(tyre, WHITE, 0.25))
    return clay.image()
