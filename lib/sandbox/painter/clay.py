"""Soft solids: ellipsoids and limbs shaded as round bodies, the way the sprites are. Used to give heads their bodies."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from lib.sandbox.painter.pixels import Array, clip, from_image, mix, rgb, smooth

SHADE = rgb(84, 52, 110)  # the sprites' own shadows lean to violet


class Clay:
    """A transparent block of pixels; lengths are shares of its width."""

    def __init__(self, width: int, height: float) -> None:
        self.width, self.rows = width, int(width * height)
        self.pixels = np.zeros((self.rows, width, 4), np.float32)
        self.y = (np.arange(self.rows, dtype=np.float32)[:, None] + 0.5) / width
        self.x = (np.arange(width, dtype=np.float32)[None] + 0.5) / width

    def ellipse(
        self, middle: tuple[float, float], radii: tuple[float, float], colour: Array, *, flat: float = 0.0
    ) -> None:
        """An ellipsoid; `flat` 1 paints it as a patch without shading of its own."""
        (x, y), (rx, ry) = middle, radii
        rows, columns = self._around([x - rx, x + rx], [y - ry, y + ry])
        u, v = (self.x[:, columns] - x) / rx, (self.y[rows] - y) / ry
        d = np.sqrt(u * u + v * v)
        alpha = clip((1 - d) * min(rx, ry) * self.width + 0.5)
        bulge = np.sqrt(np.clip(1 - d * d, 0, 1))
        self._lay(self.pixels[rows, columns], (alpha, bulge, v), colour, flat)

    def limb(self, points: Sequence[tuple[float, float]], thick: Sequence[float], colour: Array) -> None:
        """A tube through the points, as thick (radius) as told at each."""
        reach = max(thick)
        xs, ys = [x for x, _ in points], [y for _, y in points]
        rows, columns = self._around([min(xs) - reach, max(xs) + reach], [min(ys) - reach, max(ys) + reach])
        x, y = self.x[:, columns], self.y[rows]
        best = np.full((y.shape[0], x.shape[1]), np.inf, np.float32)
        across = np.zeros_like(best)
        for (x0, y0), (x1, y1), r0, r1 in zip(points[:-1], points[1:], thick[:-1], thick[1:], strict=True):
            dx, dy = x1 - x0, y1 - y0
            t = np.clip(((x - x0) * dx + (y - y0) * dy) / max(dx * dx + dy * dy, 1e-9), 0, 1)
            radius = r0 + (r1 - r0) * t
            ox, oy = x - (x0 + t * dx), y - (y0 + t * dy)
            d = np.hypot(ox, oy) / radius
            nearer = d < best
            best = np.where(nearer, d, best)
            across = np.where(nearer, oy / radius * 0.6 + ox / radius * 0.2, across)
        alpha = clip((1 - best) * min(thick) * self.width + 0.5)
        bulge = np.sqrt(np.clip(1 - best * best, 0, 1))
        self._lay(self.pixels[rows, columns], (alpha, bulge, across), colour, 0.0)

    def slab(self, points: Sequence[tuple[float, float]], colour: Array, *, soft: float = 0.03) -> None:
        """A flat body with the outline of a polygon: corners and edges rounded by `soft`."""
        reach = soft * 2
        xs, ys = [x for x, _ in points], [y for _, y in points]
        rows, columns = self._around([min(xs) - reach, max(xs) + reach], [min(ys) - reach, max(ys) + reach])
        high, wide = rows.stop - rows.start, columns.stop - columns.start
        if high < 2 or wide < 2:
            return
        image = Image.new("L", (wide * 2, high * 2))
        flat = [((x * self.width - columns.start) * 2, (y * self.width - rows.start) * 2) for x, y in points]
        ImageDraw.Draw(image).polygon(flat, fill=255)
        small = image.resize((wide, high), Image.Resampling.BOX)
        round_off = from_image(small.filter(ImageFilter.GaussianBlur(max(0.8, soft * self.width * 0.4))))
        alpha = smooth(round_off, 0.34, 0.66)
        cushion = from_image(small.filter(ImageFilter.GaussianBlur(max(1.0, soft * self.width))))
        down = np.clip(-np.gradient(cushion, axis=0) * soft * self.width * 2.2, -1, 1)
        self._lay(self.pixels[rows, columns], (alpha, smooth(cushion, 0.3, 1.0), down), colour, 0.0)

    def shade(self, y: float, reach: float, strength: float) -> None:
        """Darkens a band: what lies below a head or a hem is in its shade."""
        band = np.exp(-(((self.y - y) / reach) ** 2)) * strength
        self.pixels[..., :3] *= mix(np.ones(3, np.float32), SHADE * 1.2, band[..., None])

    def paste(self, image: Image.Image, x: float, y: float) -> None:
        """Another picture with its upper left corner at x, y."""
        left, top = int(x * self.width), int(y * self.width)
        other = np.asarray(image, np.float32) / 255
        part = self.pixels[top : top + other.shape[0], left : left + other.shape[1]]
        _over(part, other[: part.shape[0], : part.shape[1]])

    def _around(self, xs: Sequence[float], ys: Sequence[float]) -> tuple[slice, slice]:
        """Rows and columns of a box, with a pixel to spare: nothing else is touched."""
        top, bottom = (
            int(np.clip(v * self.width + d, 0, self.rows)) for v, d in zip(ys, (-2, 3), strict=True)
        )
        left, right = (
            int(np.clip(v * self.width + d, 0, self.width)) for v, d in zip(xs, (-2, 3), strict=True)
        )
        return slice(top, bottom), slice(left, right)

    def _lay(self, part: Array, form: tuple[Array, Array, Array], colour: Array, flat: float) -> None:
        """`form`: outline, how much each pixel faces us, how much it faces down."""
        alpha, bulge, down = form
        light = 0.74 + 0.34 * bulge - 0.16 * down
        shaded = colour * np.minimum(light, 1.12)[..., None]
        shaded = mix(shaded, SHADE * colour * 1.6, (smooth(down, 0.25, 1.1) * 0.35)[..., None])
        layer = np.empty(part.shape, np.float32)
        layer[..., :3] = mix(shaded, colour, flat)
        layer[..., 3] = alpha
        _over(part, layer)

    def image(self) -> Image.Image:
        return Image.fromarray((clip(self.pixels) * 255 + 0.5).astype(np.uint8))


def _over(below: Array, above: Array) -> None:
    """Straight-alpha 'over', in place."""
    a = above[..., 3:]
    total = a + below[..., 3:] * (1 - a)
    below[..., :3] = (above[..., :3] * a + below[..., :3] * below[..., 3:] * (1 - a)) / np.maximum(
        total, 1e-4
    )
    below[..., 3:] = total
