"""The canvas that backdrop painters share: the picture so far, its coordinates, its light and its randomness."""

from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from lib.sandbox.painter.light import Light
from lib.sandbox.painter.pixels import Array, Rng, add_into, fbm, grid, ramp, ridge, smooth


class Canvas:
    """A picture being painted, back to front. Lengths are shares of the height, x is a share of the width."""

    def __init__(self, height: int, width: int, light: Light, rng: Rng) -> None:
        self.height, self.width, self.light, self.rng = height, width, light, rng
        self.aspect = width / height
        self.y, self.x = grid(height, width)
        self.picture: Array = np.empty((height, width, 3), np.float32)
        self.picture[:] = ramp(light.sky, self.y[:, 0])[:, None]

    def noise(self, cells: float, octaves: int = 4, stretch: tuple[float, float] = (1, 1)) -> Array:
        return fbm(self.rng, (self.height, self.width), cells, octaves, stretch)

    def line(self, base: float, height: float, cells: float, octaves: int = 5) -> Array:
        """A horizon line: y per column, `height` high from valley to peak."""
        return base - height * ridge(self.rng, self.width, cells, octaves, self.aspect)

    def below(self, line: Array | float) -> Array:
        """Mask of what lies below a line."""
        edge = np.broadcast_to(np.asarray(line, np.float32), (self.width,))
        return np.clip((self.y - edge[None]) * self.height + 0.5, 0, 1)

    def fill(self, colour: Any, mask: Array) -> None:
        add_into(self.picture, colour, np.broadcast_to(mask, (self.height, self.width)))

    def fill_below(self, colour: Any, line: Array | float) -> None:
        """Fills below a line; rows above the line are not touched, which is most of the time saved."""
        edge = np.broadcast_to(np.asarray(line, np.float32), (self.width,))
        top = int(np.clip(edge.min() * self.height - 2, 0, self.height - 1))
        mask = np.clip((self.y[top:] - edge[None]) * self.height + 0.5, 0, 1)
        part = colour[top:] if isinstance(colour, np.ndarray) and colour.ndim == 3 else colour
        add_into(self.picture[top:], part, mask)

    def depth(self, horizon: float) -> Array:
        """0 at the horizon, 1 at the bottom edge."""
        return np.clip((self.y - horizon) / (1 - horizon), 0, 1)

    def glow(self, y: float, x: float, radius: float, colour: Array, strength: float) -> None:
        """Light added around a point, where it reaches."""
        reach = radius * 3
        top, bottom = (int(np.clip(v * self.height, 0, self.height)) for v in (y - reach, y + reach))
        left, right = (
            int(np.clip(v * self.width, 0, self.width))
            for v in (x - reach / self.aspect, x + reach / self.aspect)
        )
        if bottom <= top or right <= left:
            return
        d = (self.y[top:bottom] - y) ** 2 + ((self.x[:, left:right] - x) * self.aspect) ** 2
        mask = np.maximum(np.exp(-d / (radius * radius)) - 0.0002, 0) * strength
        part = self.picture[top:bottom, left:right]
        part += (1 - part) * colour * mask[..., None]

    def disc(self, y: float, x: float, radius: float) -> Array:
        d = np.sqrt((self.y - y) ** 2 + ((self.x - x) * self.aspect) ** 2)
        return np.clip((radius - d) * self.height + 0.5, 0, 1)

    def draw(self, paint: Callable[["Pen", float], None], top: float = 0.0) -> None:
        """Vector shapes, anti-aliased: `paint(pen, scale)` draws RGBA at `scale` pixels per height from `top` down."""
        factor = 2 if self.height * self.width <= 1_100_000 else 1
        first = int(np.clip(top, 0, 0.98) * self.height)
        rows = self.height - first
        layer = Image.new("RGBA", (self.width * factor, rows * factor))
        pen = Pen(ImageDraw.Draw(layer), first * factor)
        paint(pen, self.height * factor)
        if factor > 1:
            layer = layer.resize((self.width, rows), Image.Resampling.BOX)
        pixels = np.asarray(layer, np.float32) / 255
        part = self.picture[first:]
        part += (pixels[..., :3] - part) * pixels[..., 3:]

    def vignette(self, low: float, high: float) -> Array:
        d = np.sqrt((self.y - 0.5) ** 2 + (self.x - 0.5) ** 2)
        return smooth(d, low, high)


class Pen:
    """A pen whose origin lies above its layer, so that only the painted rows are kept in memory."""

    def __init__(self, pen: ImageDraw.ImageDraw, rows: int) -> None:
        self._pen, self._rows = pen, rows

    def _move(self, points: Any) -> list[float]:
        flat = np.asarray(points, float).ravel()
        flat[1::2] -= self._rows
        return flat.tolist()

    def polygon(self, points: Any, fill: Any) -> None:
        self._pen.polygon(self._move(points), fill=fill)

    def rectangle(self, points: Any, fill: Any) -> None:
        self._pen.rectangle(self._move(points), fill=fill)

    def ellipse(self, points: Any, fill: Any) -> None:
        self._pen.ellipse(self._move(points), fill=fill)

    def line(self, points: Any, fill: Any, width: int = 1) -> None:
        self._pen.line(self._move(points), fill=fill, width=width)


def ink(colour: Array, alpha: float = 1.0) -> tuple[int, int, int, int]:
    r, g, b = (
        min(255, max(0, int(v * 255))) for v in colour.tolist()
    )  # called for every blade: no array calls
    return r, g, b, int(alpha * 255)
