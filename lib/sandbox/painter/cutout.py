"""A cut-out and the points where things are worn, held and sat upon."""

from dataclasses import dataclass

from PIL import Image

from lib.sandbox.painter.pixels import Array


@dataclass(frozen=True, slots=True)
class Cutout:
    """Points are shares of the picture's width and height."""

    image: Image.Image
    crown: tuple[float, float] = (0.5, 0.0)  # where a hat's brim goes
    head: float = 0.6  # width of the head
    eyes: float = 0.25
    neck: float = 0.5
    hand: tuple[float, float] = (0.8, 0.7)
    sleeve: Array | None = None
    skin: Array | None = None
    seat: float = 1.0  # the height that sits on a saddle
