"""What a backdrop tells the subjects: where they stand and what they stand on."""

from dataclasses import dataclass

from lib.sandbox.painter.pixels import Array


@dataclass(frozen=True, slots=True)
class Ground:
    surface: str  # grass, snow, sand, water, hard, gloss, none: what touches the feet
    horizon: float
    base: float  # y where the nearest subject stands
    tone: Array  # colour of the light it throws back
    blades: tuple[Array, Array] | None = None  # dark and lit colour of the grass that covers feet
