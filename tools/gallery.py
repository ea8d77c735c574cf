"""Draws the painter's gallery: `make gallery` writes docs/painter.md and docs/gallery/*.jpg from the prompts below.

The pictures are what a request to the sandbox gives, only saved smaller. The page is text that follows from the code, so
a test can tell whether it is out of date.
"""

import io
import sys
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from lib.sandbox.painter import DrawRequest, draw, geography, lexicon, read, words
from lib.sandbox.painter.styles import STYLES

DOCS = Path(__file__).parents[1] / "docs"
SIDE, QUALITY = 384, 82


@dataclass(frozen=True, slots=True)
class Entry:
    prompt: str
    seed: int
    negative: str = ""
    width: int = 512
    height: int = 512

    @property
    def request(self) -> DrawRequest:
        return DrawRequest(self.prompt, self.negative, self.seed, self.width, self.height)


ENTRIES = (
    Entry("an astronaut riding a horse on mars, oil painting", 7),
    Entry("three black cats on a red sofa", 7),
    Entry("a corgi wearing sunglasses at the beach, pixel art", 5),
    Entry("a lighthouse in a storm at night", 7),
    Entry("a robot holding a red umbrella in the rain, neon", 7),
    Entry("a teapot next to two apples, pencil sketch", 7),
    Entry("a sailing boat in the fog, noir", 7),
    Entry("a dragon over a castle at sunset, watercolor", 7),
    Entry("portrait of an old fisherman", 7),
    Entry("a bowl of fruit on a wooden table", 7),
    Entry("Tokyo street at night, neon rain", 7),
    Entry("a blue whale in space", 7),
    Entry("a vase of sunflowers, van gogh", 7),
    Entry("an owl reading a book in a library", 7),
    Entry("a pirate ship in a stormy sea, oil painting", 7),
    Entry("a knight fighting a dragon, stained glass", 7),
    Entry("a child flying a kite on the beach", 21),
    Entry("a red sports car on a mountain road at sunset", 7),
    Entry("a samurai in a bamboo forest, ukiyo-e", 5),
    Entry("a cozy cabin in the snow, northern lights", 7),
    Entry("(a fox:1.3) and a [red house] in autumn, anime, masterpiece, 8k", 4),
    Entry("a queen and a dog on a throne, comic", 7, negative="dog"),
    Entry("a penguin juggling quasars in a bathtub, low poly", 7),
    Entry("five hot air balloons over the mountains at dawn, wide angle", 7, width=1024, height=512),
)


def name_of(index: int) -> str:
    return f"{index + 1:02d}.jpg"


def paint(entry: Entry) -> bytes:
    """The picture as a small JPEG."""
    image = Image.open(io.BytesIO(draw(entry.request)[0].png)).convert("RGB")
    image.thumbnail((SIDE * entry.width // entry.height, SIDE), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    image.save(out, "JPEG", quality=QUALITY, optimize=True)
    return out.getvalue()


def page() -> str:
    return "\n".join([_ABOUT.format(**_figures()), *(_row(i, entry) for i, entry in enumerate(ENTRIES)), ""])


def _figures() -> dict[str, str]:
    things = {id(match.noun) for match in lexicon.nouns().values()}
    return {
        "things": str(len(things)),
        "phrases": str(len(lexicon.nouns())),
        "relations": ", ".join(sorted(set(words.RELATIONS.values()) | {"fill"})),
        "places": ", ".join(sorted(set(geography.PLACES.values()))),
        "hours": ", ".join(dict.fromkeys(words.TIMES.values())),
        "weather": ", ".join(dict.fromkeys(words.WEATHER.values())),
        "features": ", ".join(dict.fromkeys(words.FEATURES.values())),
        "styles": ", ".join(STYLES),
    }


def _row(index: int, entry: Entry) -> str:
    scene = read(entry.prompt, entry.negative)
    told = [f"**{entry.prompt}**"]
    if entry.negative:
        told.append(f"negative prompt: {entry.negative}")
    told += [f"seed {entry.seed}, {entry.width}x{entry.height}", f"drawn: {', '.join(scene.understood)}"]
    if scene.skipped:
        told.append(f"left out: {', '.join(scene.skipped)}")
    return f"| ![{entry.prompt}](gallery/{name_of(index)}) | {'<br>'.join(told)} |"


_ABOUT = """# The sandbox's painter

<!-- Written by `make gallery` (tools/gallery.py). Change it there. -->

The sandbox has no GPU and no model, and fetches nothing from the net. What stands behind its Web UI is a painter made of
rules: it reads the prompt with a vocabulary checked by hand, paints a backdrop, sets lit figures into it and applies the
style. Every surface names it `sandbox-scene-painter, not Stable Diffusion`. The same request gives the same picture,
another seed another one.

## What it reads

| | |
|---|---|
| Things | {things} things under {phrases} names (with plurals and the emoji themselves) |
| Counts | digits, number words up to twelve, `a pair of`, `a herd of`, a bare plural (three) |
| Colours | of a thing, or of a `… background` |
| Relations | {relations} |
| Places | {places} |
| Hours | {hours} |
| Weather | {weather} |
| In the sky | {features} |
| Styles | {styles}; at most two in one prompt |
| Framing | `portrait of`, `close up of` |

`(word:1.3)`, `[word]`, `<lora:…>`, `BREAK` and `AND` are read past: emphasis changes nothing. The negative prompt takes
things, weather, hours and styles away, and so do `no …` and `without …` in the prompt; `people` means all of them.
`steps` below 12 leave the picture unfinished; `cfg_scale` drives colour and contrast; the sampler changes the previews only.

Words that it does not know are left out, never guessed. The `info` field of the answer says `Painter understood` and
`Painter skipped`, and the PNG's parameters carry `Skipped words`. Filler such as `masterpiece` or `8k` counts as neither.

## What it can't

Actions beyond the relations (a dog that sleeps sits), faces and likenesses of real people, writing, materials, several
places in one picture, and any language but English. People have the proportions of toys.

## Gallery

Drawn with 20 steps and cfg_scale 7; `make gallery` draws them again. The figures' licences are in
[lib/sandbox/painter/assets/LICENSE](../lib/sandbox/painter/assets/LICENSE).

| Picture | Prompt and what was made of it |
|---|---|"""


def write() -> int:
    """Bytes of all pictures."""
    folder = DOCS / "gallery"
    folder.mkdir(exist_ok=True)
    total = 0
    for index, entry in enumerate(ENTRIES):
        picture = paint(entry)
        (folder / name_of(index)).write_bytes(picture)
        total += len(picture)
    (DOCS / "painter.md").write_text(page(), encoding="utf-8")
    return total


if __name__ == "__main__":
    sys.stdout.write(f"docs/painter.md and {len(ENTRIES)} pictures, {write() // 1024} KiB\n")
