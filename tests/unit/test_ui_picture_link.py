"""The form of Generate in the address bar: a link restores it, and what a link says wrongly is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from lib.gateways.picture_request import PictureRequest
from lib.settings import Settings
from lib.ui import picture_link, pictures, prompt_form, samples, server, session
from tests.unit.test_pages import text

FOX = PictureRequest(
    prompt="a fox & two geese, 50 % snow?", negative_prompt="text", width=640, height=512, steps=30, seed=7,
    cfg_scale=6.5, batch_size=2, sampler_name="DPM++ 2M Karras",
)  # fmt: skip
FOX_WORDS = {
    "prompt": "a fox & two geese, 50 % snow?", "negative": "text", "size": "640x512", "steps": "30", "seed": "7",
    "cfg": "6.5", "batch": "2", "sampler": "DPM++ 2M Karras",
}  # fmt: skip


def test_what_is_written_is_read_again() -> None:
    assert picture_link.written(FOX) == FOX_WORDS
    assert picture_link.read(FOX_WORDS) == (FOX, ())


def test_the_defaults_need_no_words() -> None:
    assert picture_link.written(picture_link.DEFAULT) == {}
    assert picture_link.read({}) == (picture_link.DEFAULT, ())


@pytest.mark.parametrize(
    ("word", "said", "why"),
    [
        pytest.param("steps", "900", "it is 20: From 1 to 60; 900 is out of range.", id="too many"),
        pytest.param("steps", "many", "it is 20: It is no whole number.", id="a word"),
        pytest.param("seed", "1.5", "it is -1: It is no whole number.", id="half a seed"),
        pytest.param("cfg", "nan", "it is 7: From 1 to 30; nan is out of range.", id="no number"),
        pytest.param("size", "wide", "it is 512x512: Write it as 768x512.", id="a size in words"),
        pytest.param("size", "500x512", "it is 512x512: A multiple of 8; 500 is not one.", id="an odd size"),
        pytest.param("sampler", "Brush", "it is Euler a: There are Euler a, Euler,", id="no such sampler"),
        pytest.param("batch", "0", "it is 1: From 1 to 4; 0 is out of range.", id="no picture"),
        pytest.param("prompt", "x" * 3000, "it is empty: At most 2,000 characters", id="a novel"),
    ],
)
def test_a_wrong_word_is_told_in_a_sentence_and_the_rest_is_taken(word: str, said: str, why: str) -> None:
    request, doubts = picture_link.read({**FOX_WORDS, word: said})
    [told] = doubts
    assert told.startswith(f"“{word}={said[:40]}” of the link can't be used, so {why}")
    left = {name: value for name, value in FOX_WORDS.items() if name != word}
    assert picture_link.written(request) == left


# --- the page --------------------------------------------------------------------------------------------


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[..., AppTest]]:
    def start(**address: str) -> AppTest:
        session.install(samples.CASES["fleet"](), settings=Settings(state_dir=tmp_path))
        at = AppTest.from_file(str(server.SCRIPT), default_timeout=20).run()
        at = at.switch_page(str(server.HOME / "pages/generate.py"))
        for name, value in address.items():
            at.query_params[name] = value
        return at.run()

    yield start
    session.stop()


def asked(at: AppTest) -> PictureRequest | None:
    state = {name: at.session_state[name] for name in prompt_form.FIELDS if name in at.session_state}
    return prompt_form.read(state)[0]


def said(at: AppTest) -> dict[str, str]:
    """The address bar."""
    return {name: "".join(at.query_params[name]) for name in at.query_params}


def test_a_link_restores_the_form(opened: Callable[..., AppTest]) -> None:
    at = opened(**FOX_WORDS)
    assert asked(at) == FOX
    assert at.text_area(key="prompt").value == FOX.prompt
    assert at.number_input(key="width").value == FOX.width
    assert not at.warning


def test_a_bad_value_of_a_link_is_said_and_the_default_stands_in_the_form(
    opened: Callable[..., AppTest],
) -> None:
    at = opened(steps="900", prompt="a fox")
    assert "“steps=900” of the link can't be used" in text(at).replace("\\", "")
    assert (at.number_input(key="steps").value, at.text_area(key="prompt").value) == (20, "a fox")
    at.number_input(key="steps").set_value(25).run()
    assert said(at) == {"steps": "25", "prompt": "a fox"}
    assert "of the link" not in text(at)


def test_what_is_changed_in_the_form_is_in_the_address(opened: Callable[..., AppTest]) -> None:
    at = opened()
    at.text_area(key="prompt").set_value("a fox")
    at.selectbox(key="sampler_name").set_value("DDIM")
    at.number_input(key="batch_size").set_value(3).run()
    assert said(at) == {"prompt": "a fox", "sampler": "DDIM", "batch": "3"}
    at.number_input(key="batch_size").set_value(1).run()
    assert said(at) == {"prompt": "a fox", "sampler": "DDIM"}


def test_a_click_with_the_address_of_before_the_last_word_keeps_what_was_typed(
    opened: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[PictureRequest] = []
    monkeypatch.setattr(pictures.Desk, "hand_in", lambda _, request, *, job_id: drawn.append(request))
    at = opened(prompt="a fox")
    at.text_area(key="prompt").set_value("a lighthouse").run()
    at.query_params["prompt"] = "a fox"  # the browser has not heard yet that it changed
    at.button(key="generate").click().run()
    assert [one.prompt for one in drawn] == ["a lighthouse"]
    assert at.text_area(key="prompt").value == "a lighthouse"
    assert said(at) == {"prompt": "a lighthouse"}
