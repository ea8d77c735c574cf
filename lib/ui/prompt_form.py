"""The form of a picture: what to draw and how. Every problem is said at its field, and nothing is sent then."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any, Final

import streamlit as st

from lib.gateways import txt2img
from lib.gateways.txt2img import PictureRequest
from lib.ui import picture_link, pictures, shown_pictures, words
from lib.ui.picture_link import SAMPLERS

EXAMPLES: Final = {
    "Lighthouse": "a lighthouse in a storm, oil painting",
    "Fox": "a red fox in the snow at dawn",
    "Night city": "a city of glass at night, neon, rain",
    "Harbour": "a quiet harbour, watercolour",
    "Peaks": "mountains above a sea of clouds",
}
FIELDS: Final = (
    "prompt", "negative_prompt", "size", "width", "height", "steps", "seed", "cfg_scale", "batch_size", "sampler_name",
)  # fmt: skip
SIZES: Final = {"Square": (512, 512), "Wide": (768, 512), "Tall": (512, 768), "Own": None}
_ADDRESS: Final = "_form_address"  # what the address bar said when it was last read or written
_DOUBTS: Final = "_form_doubts"


def begin() -> None:
    """The address bar says what stands in the form, so that a link, a reload and Back restore it. In the page's full
    run, before the fields."""
    state = st.session_state
    asked = {word: said for word in picture_link.WORDS if (said := st.query_params.get(word)) is not None}
    if asked == state.get(_ADDRESS) and "prompt" in state:
        return
    request, state[_DOUBTS] = picture_link.read(asked)
    state[_ADDRESS] = asked
    state.update(_spelled(request))


def _remember() -> None:
    """What stands in the form into the address bar. A field that says nothing usable is left out."""
    state = st.session_state
    spelled = _spelled(picture_link.DEFAULT) | {
        name: state[name] for name in FIELDS if state.get(name) is not None
    }
    request, _ = read(spelled)
    if request is None:
        return
    said = picture_link.written(request)
    for word in picture_link.WORDS:
        if word in said and st.query_params.get(word) != said[word]:
            st.query_params[word] = said[word]
        elif word not in said:
            st.query_params.pop(word, None)
    state[_ADDRESS], state[_DOUBTS] = said, ()


def show() -> None:
    found: Mapping[str, str] = st.session_state.get("prompt_problems", {})
    if doubts := st.session_state.get(_DOUBTS):
        st.warning("  \n".join(map(words.plain, doubts)), icon=":material/link_off:")
    with st.container(border=True):
        st.text_area(
            "Prompt", key="prompt", height=96, placeholder="What shall be drawn?", on_change=_remember
        )
        _problem(found, "prompt")
        st.pills(
            "Examples", list(EXAMPLES), key="example", on_change=_take_example, label_visibility="collapsed"
        )
        st.text_input(
            "Not in the picture",
            key="negative_prompt",
            placeholder="optional: blurry, text, people",
            on_change=_remember,
        )
        _problem(found, "negative_prompt")
        _size(found)
        _how(found)
        st.button(
            "Generate",
            key="generate",
            type="primary",
            icon=":material/brush:",
            width="stretch",
            shortcut="ctrl+enter",
            on_click=_hand_in,
            args=(f"ui-{uuid.uuid4().hex[:16]}",),
        )
        _problem(found, "")


def _size(found: Mapping[str, str]) -> None:
    size = st.segmented_control(
        "Size", list(SIZES), key="size", required=True, width="stretch", on_change=_remember
    )
    if size == "Own":
        width, height = st.columns(2, gap="small")
        width.number_input("Width", step=64, key="width", on_change=_remember)
        height.number_input("Height", step=64, key="height", on_change=_remember)
    _problem(found, "width")
    _problem(found, "height")


def _how(found: Mapping[str, str]) -> None:
    left, right = st.columns(2, gap="small")
    with left:
        st.number_input(
            "Steps", step=1, key="steps", help="More steps: finer, and slower.", on_change=_remember
        )
        _problem(found, "steps")
        st.text_input(
            "Seed",
            key="seed",
            help="-1: a new one each time. The same seed draws the same.",
            on_change=_remember,
        )
        _problem(found, "seed")
    with right:
        st.number_input(
            "Guidance (CFG)",
            step=0.5,
            key="cfg_scale",
            help="How closely to follow the words.",
            on_change=_remember,
        )
        _problem(found, "cfg_scale")
        st.number_input("Pictures", step=1, key="batch_size", on_change=_remember)
        _problem(found, "batch_size")
    st.selectbox("Sampler", SAMPLERS, key="sampler_name", on_change=_remember)
    _problem(found, "sampler_name")


def _take_example() -> None:
    if example := st.session_state.get("example"):
        st.session_state["prompt"] = EXAMPLES[example]
        _remember()


def draw_again(request: PictureRequest, job_id: str) -> None:
    """A button's callback: exactly this, once per job id, whatever stands in the form."""
    try:
        pictures.desk().hand_in(request, job_id=job_id)
    except pictures.Full as full:
        st.session_state["prompt_problems"] = {"": str(full)}
    else:
        shown_pictures.newest()


def fill(request: PictureRequest) -> None:
    """A button's callback: these settings into the form, to be changed before they are drawn."""
    st.session_state.update(_spelled(request))
    _remember()


def _spelled(request: PictureRequest) -> dict[str, Any]:
    """By the fields of the form."""
    size = next((name for name, pixels in SIZES.items() if pixels == (request.width, request.height)), "Own")
    sampler = request.sampler_name if request.sampler_name in SAMPLERS else SAMPLERS[0]
    return {
        "prompt": request.prompt,
        "negative_prompt": request.negative_prompt,
        "size": size,
        "steps": request.steps,
        "seed": str(request.seed),
        "cfg_scale": request.cfg_scale,
        "batch_size": request.batch_size,
        "sampler_name": sampler,
        "width": request.width,
        "height": request.height,
    }


def _hand_in(job_id: str) -> None:
    """The button's callback: check, then queue. The job id was made with the button, so a double click is one job."""
    state = st.session_state
    _remember()  # a click may come with the address of before the last word was typed, which is no wish to go back
    request, found = read(state)
    if request is not None and not found:
        try:
            pictures.desk().hand_in(request, job_id=job_id)
            shown_pictures.newest()
        except pictures.Full as full:
            found = {"": str(full)}
    state["prompt_problems"], state[_DOUBTS] = found, ()


def read(state: Any) -> tuple[PictureRequest | None, dict[str, str]]:
    """The request the fields spell, and what is wrong with them by field name."""
    width, height = SIZES.get(state.get("size", "Square")) or (state.get("width"), state.get("height"))
    wholes = {
        "width": width,
        "height": height,
        "steps": state.get("steps", 20),
        "batch_size": state.get("batch_size", 1),
    }
    cfg_scale, seed = state.get("cfg_scale", 7.0), _whole(str(state.get("seed", "-1")))
    found = {
        name: "A number is missing."
        for name, value in {**wholes, "cfg_scale": cfg_scale}.items()
        if value is None
    }
    if seed is None:
        found["seed"] = f"“{str(state.get('seed'))[:40]}” is no whole number; -1 takes a new one."
    if found or seed is None or cfg_scale is None:
        return None, found
    request = PictureRequest(
        prompt=str(state.get("prompt") or ""),
        negative_prompt=str(state.get("negative_prompt") or ""),
        sampler_name=str(state.get("sampler_name") or SAMPLERS[0]),
        seed=seed,
        cfg_scale=float(cfg_scale),
        **{name: int(value) for name, value in wholes.items() if value is not None},
    )
    return request, dict(txt2img.problems(request))


def _whole(text: str) -> int | None:
    try:
        return int(text.strip() or "-1")
    except ValueError:
        return None


def _problem(found: Mapping[str, str], name: str) -> None:
    if sentence := found.get(name):
        st.caption(f":red[:material/error: {words.plain(sentence)}]")
