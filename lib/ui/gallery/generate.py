"""Widgets of the Generate page: the form, what is drawn, one picture with its passport, the gallery, two side by side."""

from __future__ import annotations

from collections.abc import Callable
from datetime import tzinfo
from typing import Any, Final

from lib.ui import passport_card, picture_gallery, picture_panel, pictures, prompt_form
from lib.ui.gallery.picture_samples import EUROPE, LOST, job
from lib.ui.gallery.state import Jobs, State, Widget, card, case
from lib.ui.kept_pictures import Kept
from lib.ui.pictures import Job
from lib.ui.snapshot import Snapshot

PROBLEMS: Final = {
    "prompt": "Write a prompt: it is empty.",
    "width": "Between 64 and 2048, a multiple of 8; this is 7.",
    "steps": "At most 150; this is 900.",
    "seed": "“lucky” is no whole number; -1 takes a new one.",
    "batch_size": "At most 4; this is 99.",
    "": "8 prompts are waiting already.",
}


def _panel(says: str, jobs: Jobs = tuple, *, kept: int = 0, **more: Any) -> State:
    return State(says=says, draw=lambda _: picture_panel.show(), jobs=jobs, pictures=kept, **more)


def _kept(draw: Callable[[tuple[Kept, ...], tzinfo], object], says: str, count: int, **more: Any) -> State:
    return State(says=says, draw=lambda now: draw(pictures.desk().kept, now.zone), pictures=count, **more)


def _form(_: Snapshot) -> None:
    prompt_form.show()


def _moving() -> Job:
    return job(0, state="drawing", attempts=1, note=NOTE, lost=(LOST_TRY,), heard=EUROPE)


LOST_TRY: Final = pictures.lost_try(LOST, job(0).request)
NOTE: Final = "The global address lost its backend (502)."
WIDGETS: Final[dict[str, Widget]] = {
    "prompt_form.show": {
        "empty": State(says="Generate", draw=card(_form), asked={"prompt": "", "size": "Square"}),
        "filled": State(
            says="watercolour",
            draw=card(_form),
            asked={"prompt": "a quiet harbour, watercolour", "size": "Wide"},
        ),
        "own size": State(says="Width", draw=card(_form), asked={"prompt": "", "size": "Own"}),
        "every field wrong": State(
            says="Between 64 and 2048",
            draw=card(_form),
            asked={"prompt": "", "prompt_problems": PROBLEMS, "size": "Own"},
        ),
    },
    "picture_panel.show": {
        "setting up": _panel("there is no address to draw at yet", snapshot=case("first")),
        "empty": _panel("No picture yet"),
        "nothing to draw at": _panel("made when the first region joins", snapshot=case("none")),
        "no region serves": _panel("No region serves", snapshot=case("down")),
        "heard of": _panel("step 14 of 20", lambda: (job(0, state="drawing", heard=EUROPE),)),
        "reckoned": _panel("by the time of earlier pictures", lambda: (job(0, state="drawing"),)),
        "moves": _panel("Try 2, same seed", lambda: (_moving(),), kept=3),
        "queue of three": _panel("Place 3 in the queue", lambda: (job(2), job(1), job(4), _moving()), kept=3),
        "failed": _panel(
            "Not drawn", lambda: (job(2, state="failed", problem="It does not answer."),), kept=1
        ),
    },
    "passport_card.show": {
        "moved in the middle": _kept(
            lambda kept, zone: passport_card.show(kept[0], zone), "Moved from us-central1 at step 4 of 20", 2
        ),
        "long prompt": _kept(lambda kept, zone: passport_card.show(kept[1], zone), "an old postcard", 6),
    },
    "picture_gallery.show": {
        "one": _kept(lambda kept, _: picture_gallery.show(kept, kept[0], None), "The last 1 of 1", 1),
        "14, one beside": _kept(
            lambda kept, _: picture_gallery.show(kept, kept[0], kept[1]), "The last 12 of 14", 14
        ),
        "second page": _kept(
            lambda kept, _: picture_gallery.show(kept, kept[0], None),
            "13 to 14 of 14",
            14,
            asked={"gallery_page": 2},
        ),
        "found": _kept(
            lambda kept, _: picture_gallery.show(kept, kept[0], None),
            "that fit, of 14 kept",
            14,
            asked={"gallery_page": 1, "gallery_search": "us-central1"},
        ),
        "nothing found": _kept(
            lambda kept, _: picture_gallery.show(kept, kept[0], None),
            "has these words",
            14,
            asked={"gallery_search": "whale"},
        ),
    },
    "picture_gallery.compare": {
        "the same": _kept(
            lambda kept, zone: picture_gallery.compare(kept[0], kept[1], zone),
            "the same picture, pixel by pixel",
            2,
        ),
        "two others": _kept(
            lambda kept, zone: picture_gallery.compare(kept[0], kept[2], zone), "not the same picture", 6
        ),
    },
}
