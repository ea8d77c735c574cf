"""Draws the picture a prompt asks for, on the CPU and offline.

It stands where Stable Diffusion stands in a real backend, so that the sandbox's answers are pictures of what was asked
for. It is not a trained model and says so (`MODEL_NAME`): it reads the prompt with a hand-checked vocabulary, paints a
procedural backdrop, sets lit sprites into it and applies the style. Same request, same bytes.
"""

from lib.sandbox.painter.model import MODEL_NAME, SAMPLERS, DrawRequest, Picture, Progress
from lib.sandbox.painter.painting import draw
from lib.sandbox.painter.reading import read
from lib.sandbox.painter.scene import Scene

__all__ = ["MODEL_NAME", "SAMPLERS", "DrawRequest", "Picture", "Progress", "Scene", "draw", "read"]
