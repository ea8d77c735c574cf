"""From request to pictures: read, stage, paint, style, and step through the previews."""

import hashlib
from collections.abc import Callable

import numpy as np
from PIL import Image

from lib.sandbox.painter import finish, infotext, places, sampling, setting, sky, styles, weather
from lib.sandbox.painter.canvas import Canvas
from lib.sandbox.painter.layout import compose
from lib.sandbox.painter.light import light_for
from lib.sandbox.painter.model import DrawRequest, Picture, Progress
from lib.sandbox.painter.pixels import Array, Rng, to_image
from lib.sandbox.painter.reading import read
from lib.sandbox.painter.scene import Scene
from lib.sandbox.painter.staging import INDOOR, set_stage

SMALLEST, LARGEST = 64, 2048
MOST_PIXELS = 1_100_000  # larger pictures are painted this large and enlarged: time and memory stay bounded


def draw(request: DrawRequest, on_progress: Progress | None = None) -> list[Picture]:
    """Draws the whole job. `on_progress` is called after every step; False ends it with what is there."""
    scene = read(request.prompt, request.negative_prompt)
    count = max(1, request.batch_size) * max(1, request.n_iter)
    steps = max(1, request.steps)
    pictures: list[Picture] = []
    for index in range(count):
        report = _Report(on_progress, done=index * steps, total=count * steps)
        picture = _draw_one(request, scene, request.seed + index, report)
        pictures.append(picture)
        if report.stopped:
            break
    return pictures


class _Report:
    """Counts steps over the whole job and remembers that somebody said stop."""

    def __init__(self, tell: Progress | None, *, done: int, total: int) -> None:
        self._tell, self._done, self._total = tell, done, total
        self.stopped = False

    @property
    def wanted(self) -> bool:
        return self._tell is not None

    def step(self, preview: Callable[[], bytes]) -> None:
        self._done += 1
        if self._tell is not None and not self._tell(self._done, self._total, preview()):
            self.stopped = True


def _draw_one(request: DrawRequest, scene: Scene, seed: int, report: _Report) -> Picture:
    width, height = _rounded(request.width), _rounded(request.height)
    image = paint(scene, _rng(request, seed), (height, width), request.cfg_scale)
    rng = np.random.default_rng([seed & 0xFFFFFFFF, request.steps])
    if report.wanted:
        for state in sampling.previews(image, max(1, request.steps), request.sampler_name, rng):
            report.step(lambda state=state: sampling.jpeg(state))
            if report.stopped:
                image = state.resize((width, height), Image.Resampling.BICUBIC)
                break
    if not report.stopped:
        image = sampling.unfinished(image, max(1, request.steps), np.random.default_rng(seed & 0xFFFFFFFF))
    text = infotext.infotext(request, seed, (width, height), scene.skipped)
    return Picture(infotext.png(image, text), seed, text, scene.understood, scene.skipped)


def _rounded(length: int) -> int:
    return int(np.clip(round(length / 8) * 8, SMALLEST, LARGEST))


def _rng(request: DrawRequest, seed: int) -> Rng:
    """The seed and the prompt choose everything that is left open; steps and sampler do not move the scene."""
    digest = hashlib.sha256(request.prompt.encode("utf-8", "surrogatepass")).digest()
    return np.random.default_rng(
        [seed & 0xFFFFFFFF, seed >> 32 & 0xFFFFFFFF, int.from_bytes(digest[:4], "big")]
    )


def paint(scene: Scene, rng: Rng, size: tuple[int, int], cfg_scale: float = 7.0) -> Image.Image:
    """The finished picture of a scene, height by width."""
    height, width = size
    scale = min(1.0, (MOST_PIXELS / (height * width)) ** 0.5)
    rows, columns = max(SMALLEST // 2, round(height * scale)), max(SMALLEST // 2, round(width * scale))
    picture = _scene(scene, rng, (rows, columns))
    for style in scene.styles:
        picture = styles.apply(picture, style, rng)
    picture = finish.guide(picture, cfg_scale)
    image = to_image(finish.grain(picture, rng, 0.006 if scene.styles else 0.012 if scene.photo else 0.008))
    if (columns, rows) != (width, height):
        image = image.resize((width, height), Image.Resampling.LANCZOS)
    return image


def _scene(scene: Scene, rng: Rng, size: tuple[int, int]) -> Array:
    stage = set_stage(scene, rng)
    canvas = Canvas(*size, light_for(stage.time, rng), rng)
    if stage.place not in INDOOR:
        sky.paint_sky(canvas, stage.features)
        if "storm" in stage.weather and stage.place not in {"underwater", "space"}:
            weather.lightning(canvas)
    ground = places.paint_place(canvas, stage)
    weather.veil(canvas, stage)
    items = compose(scene, stage, ground, size, rng)
    if items:
        canvas.picture = finish.lens(canvas.picture, min(size) / 512 * (2.6 if scene.photo else 1.1))
    for item in items:
        setting.set_actor(canvas, item, ground)
    weather.fall(canvas, stage)
    return finish.grade(canvas, photo=scene.photo)
