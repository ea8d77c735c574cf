"""Generate: progress that is ours, tries that were lost and what is known of them, the gallery, two side by side."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path

import httpx
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from lib.gateways.errors import Unreachable
from lib.gateways.picture_progress import Heard, ProgressListener
from lib.gateways.txt2img import Picture, PictureRequest
from lib.settings import Settings
from lib.ui import kept_pictures, looks, passport_card, picture_panel, pictures, samples, server, session
from lib.ui.kept_pictures import Kept
from lib.ui.pictures import Job
from tests.unit.test_ui_words import passport
from tests.waiting import wait_until

ASKED = PictureRequest(prompt="a red fox in the snow", seed=7)
FROM = {"x-gpu-atlas-region": "europe-west4", "x-gpu-atlas-pod": "sd-1"}


# --- progress --------------------------------------------------------------------------------------------


def told(body: object, *, status: int = 200, headers: dict[str, str] | None = None) -> Heard | None:
    asked: list[dict] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(json.loads(request.content))
        if isinstance(body, Exception):
            raise body
        return httpx.Response(status, json=body, headers=FROM if headers is None else headers)

    listener = ProgressListener("http://vip", "ui-1", transport=httpx.MockTransport(answer))
    heard = listener.ask()
    listener.close()
    assert asked == [{"id_task": "ui-1", "live_preview": False}]
    return heard


@pytest.mark.parametrize(
    ("body", "heard"),
    [
        pytest.param({"active": True, "progress": 0.7}, Heard(region="europe-west4", pod="sd-1", share=0.7), id="drawn there"),
        pytest.param({"active": False, "queued": True, "textinfo": "In queue: 1/2"}, Heard(region="europe-west4", pod="sd-1", queue="In queue: 1/2"), id="in that pod's queue"),
        pytest.param({"active": False, "queued": False, "completed": False, "progress": None}, None, id="another pod, which knows nothing of it"),
        pytest.param({"active": True, "progress": 7}, None, id="no share"),
        pytest.param({"active": True, "progress": "0.5"}, None, id="text"),
        pytest.param(["active"], None, id="another shape"),
        pytest.param(httpx.ConnectError("down"), None, id="nobody"),
    ],
)  # fmt: skip
def test_only_a_pod_that_knows_our_task_is_believed(body: object, heard: Heard | None) -> None:
    assert told(body) == heard


def test_an_answer_that_does_not_say_where_it_comes_from_is_no_news() -> None:
    assert told({"active": True, "progress": 0.5}, headers={}) is None
    assert told({"detail": "Not Found"}, status=404) is None


@pytest.mark.parametrize(
    ("share", "step"),
    [(0.0, 0), (0.69, 14), (1.0, 20), (None, None)],
    ids=["begins", "in the middle", "ends", "waits"],
)
def test_a_share_is_a_step_of_all(share: float | None, step: int | None) -> None:
    assert Heard(region="r", pod="p", share=share).step(20) == step


HERE, THERE = (
    Heard(region="europe-west4", pod="sd-1", share=0.7),
    Heard(region="us-central1", pod="sd-2", share=0.2),
)
JOB = Job(id="ui-1", request=ASKED, state="drawing")


@pytest.mark.parametrize(
    ("job", "share", "said"),
    [
        pytest.param(replace(JOB, heard=HERE), 0.7, "europe\\-west4 draws: step 14 of 20", id="heard"),
        pytest.param(replace(JOB, heard=HERE, request=replace(ASKED, batch_size=2)), 0.7, "europe\\-west4 draws: 70%", id="a batch has no step"),
        pytest.param(replace(JOB, heard=replace(HERE, share=None, queue="In queue: 1/2")), 0.0, "Waiting in europe\\-west4", id="queued there"),
        pytest.param(JOB, 0.5, "by the time of earlier pictures 50%", id="only reckoned"),
    ],
)  # fmt: skip
def test_progress_says_whether_it_was_heard_or_reckoned(job: Job, share: float, said: str) -> None:
    found, words = picture_panel.progress(job, 2.0, 4.0)
    assert found == pytest.approx(share)
    assert said in words


# --- lost tries ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("drawn", "lost", "said"),
    [
        pytest.param(passport(), (), "", id="the first try drew it"),
        pytest.param(passport(attempts=2, moved_from="us-west1"), (), "Moved from us-west1 to europe-west4, same seed", id="the backend said so itself"),
        pytest.param(passport(attempts=2), (THERE,), "Moved from us-central1 at step 4 of 20, as last heard, to europe-west4, same seed", id="heard in the middle"),
        pytest.param(passport(attempts=2), (replace(THERE, share=None),), "Moved from us-central1 to europe-west4, same seed", id="lost in that pod's queue"),
        pytest.param(passport(attempts=2), (HERE,), "Lost in europe-west4 at step 14 of 20, as last heard, and drawn there again, same seed", id="the same region again"),
        pytest.param(passport(attempts=3), (), "Drawn at try 3, same seed; where the lost one was is not known", id="nothing was heard"),
    ],
)  # fmt: skip
def test_a_picture_says_from_where_it_moved_as_far_as_that_is_known(drawn, lost, said: str) -> None:
    facts = pictures.signed(drawn, tuple(pictures.lost_try(one, ASKED) for one in lost))
    assert passport_card.moved_words(facts) == said


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[pictures.Desk]:
    session.install(samples.CASES["one"](), settings=Settings(state_dir=tmp_path))
    made = pictures.Desk(Settings(state_dir=tmp_path))
    yield made
    made.close()
    session.stop()


def png(tmp_path: Path, color: str = "navy") -> bytes:
    path = tmp_path / f"{color}.png"
    Image.new("RGB", (64, 64), color).save(path)
    return path.read_bytes()


class Pods:
    """What the progress listener hears at each question."""

    def __init__(self, *heard: Heard | None) -> None:
        self.heard, self.asked = list(heard), threading.Semaphore(0)

    def __call__(self, *_: object) -> Pods:
        return self

    def ask(self) -> Heard | None:
        self.asked.release()
        return self.heard[0]

    def close(self) -> None: ...


def test_a_region_that_dies_in_the_middle_is_told_with_its_last_step(
    desk: pictures.Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pods = Pods(THERE)

    def draw(
        vip: str, request: PictureRequest, *, on_retry: Callable[[int, str], None], **_: object
    ) -> Picture:
        wait_until(lambda: desk.jobs[0].heard == THERE, timeout_s=10, what="progress")
        pods.heard[0] = HERE
        on_retry(1, "The one that drew was lost.")
        wait_until(lambda: desk.jobs[0].heard == HERE, timeout_s=10, what="progress of the second try")
        return Picture(png=png(tmp_path), passport=passport(attempts=2))

    monkeypatch.setattr(pictures, "ProgressListener", pods)
    monkeypatch.setattr(pictures, "generate", draw)
    monkeypatch.setattr(pictures, "LISTEN_S", 0.01)
    desk.hand_in(ASKED, job_id="ui-1")
    wait_until(lambda: desk.jobs[0].lost, timeout_s=10, what="a lost try")
    assert "at step 4 of 20" in picture_panel.retried_words(desk.jobs[0])
    wait_until(lambda: desk.jobs[0].state == "done", timeout_s=10, what="the picture")
    (kept,) = desk.kept
    assert kept.passport["lost"] == [{"region": "us-central1", "pod": "sd-2", "step": 4, "steps": 20}]
    assert kept.passport["moved_from"] == "us-central1"


def test_an_answer_of_a_try_that_is_lost_already_says_nothing_of_the_next(desk: pictures.Desk) -> None:
    desk._jobs["ui-1"] = replace(JOB, attempts=1)
    desk._hear("ui-1", 0, HERE)
    assert desk.jobs[0].heard is None
    desk._hear("ui-1", 1, HERE)
    assert desk.jobs[0].heard == HERE


def test_what_waits_can_be_withdrawn_and_is_never_sent(
    desk: pictures.Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []
    go = threading.Event()

    def draw(vip: str, request: PictureRequest, **_: object) -> Picture:
        sent.append(request.prompt)
        go.wait(10)
        raise Unreachable("enough")

    monkeypatch.setattr(pictures, "generate", draw)
    for n in range(pictures.AT_ONCE + 1):
        desk.hand_in(replace(ASKED, prompt=f"fox {n}"), job_id=f"ui-{n}")
    wait_until(lambda: len(sent) == pictures.AT_ONCE, timeout_s=10, what="the first ones")
    desk.withdraw(f"ui-{pictures.AT_ONCE}")
    desk.withdraw("ui-0")
    go.set()
    desk.close()
    assert [job.state for job in desk.jobs] == ["withdrawn", "failed", "failed"]
    assert len(sent) == pictures.AT_ONCE


# --- the gallery -----------------------------------------------------------------------------------------


def keep(
    folder: Path, name: str, *, color: str = "navy", request: PictureRequest = ASKED, **facts: object
) -> Kept:
    """A picture on disk, as the desk keeps it."""
    folder.mkdir(exist_ok=True, parents=True)
    signed = pictures.signed(passport(seed=7, **facts), ())
    (folder / f"{name}.json").write_text(
        json.dumps({"request": asdict(request), "passport": signed, "at": "2026-11-26T18:00:00+00:00"})
    )
    Image.new("RGB", (64, 64), color).save(folder / f"{name}.png")
    Image.new("RGB", (64, 64), color).save(folder / f"{name}.webp")
    found = kept_pictures.read(folder / f"{name}.json")
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 2),
        ("fox", 2),
        ("FOX snow", 2),
        ("us-west1", 1),
        ("T4", 1),
        ("fox us-west1", 1),
        ("whale", 0),
        ("7", 2),
    ],
)
def test_the_gallery_is_searched_by_every_word(tmp_path: Path, text: str, count: int) -> None:
    kept = (keep(tmp_path, "1"), keep(tmp_path, "2", region="us-west1", accelerator="nvidia-tesla-t4"))
    assert len(kept_pictures.found(kept, text)) == count


def test_drawing_again_takes_the_seed_that_was_drawn_and_one_picture(tmp_path: Path) -> None:
    one = keep(tmp_path, "1", request=replace(ASKED, seed=-1, batch_size=4, steps=33))
    assert one.again() == replace(ASKED, seed=7, batch_size=1, steps=33)


def test_two_pictures_differ_in_what_was_asked_and_in_their_pixels(tmp_path: Path) -> None:
    one, same = keep(tmp_path, "1"), keep(tmp_path, "2", region="us-west1")
    other = keep(tmp_path, "3", color="red", request=replace(ASKED, steps=40))
    assert kept_pictures.differences(one, same) == ()
    assert kept_pictures.same_pixels(one.path, same.path) is True
    assert kept_pictures.differences(one, other) == (("Steps", "20", "40"),)
    assert kept_pictures.same_pixels(one.path, other.path) is False
    assert kept_pictures.same_pixels(one.path, tmp_path / "gone.png") is None


# --- the page --------------------------------------------------------------------------------------------


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[list[Kept]]:
    import sys

    folder = tmp_path / "pictures"
    made = [keep(folder, f"{n:020d}-0", region=("us-west1", "europe-west4")[n % 2]) for n in range(14)]
    settings = Settings(state_dir=tmp_path)
    session.install(samples.CASES["one"](), settings=settings)
    desk = pictures.Desk(settings)
    setattr(sys, pictures._REGISTRY, desk)
    looks.install({})
    yield made
    desk.close()
    delattr(sys, pictures._REGISTRY)
    looks.stop()
    session.stop()


def opened(**query: str) -> AppTest:
    at = AppTest.from_file(str(server.SCRIPT), default_timeout=20).run()
    for name, value in query.items():
        at.query_params[name] = value
    return at.switch_page(str(server.HOME / "pages/generate.py")).run()


def text(at: AppTest) -> str:
    kinds = ("caption", "markdown", "info", "warning")
    return "\n".join(str(getattr(one, "value", "")) for kind in kinds for one in at.get(kind)).replace(
        "\\", ""
    )


def test_the_gallery_goes_page_by_page_and_says_how_many_there_are(kept: list[Kept]) -> None:
    assert "The last 12 of 14 kept pictures" in text(opened())
    assert "13 to 14 of 14 kept pictures" in text(opened(gallery_page="2"))
    assert "The last 7 of 7 that fit, of 14 kept" in text(opened(gallery_search="us-west1"))
    assert "None of the 14 kept pictures has these words." in text(opened(gallery_search="whale"))


def test_a_link_opens_two_pictures_side_by_side_with_what_differs(kept: list[Kept]) -> None:
    at = opened(picture=kept[3].name, beside=kept[4].name)
    assert "The same settings and seed; the same picture, pixel by pixel" in text(at)
    assert "| Region | **europe-west4** | **us-west1** |" in text(at)
    at.button(key="compare_close").click().run()
    assert "PASSPORT" in text(at)


def test_a_link_to_a_picture_that_is_gone_shows_the_newest_and_says_so(kept: list[Kept]) -> None:
    assert "not kept any more" in text(opened(picture="00000000000000000099-0"))


def test_the_settings_of_a_picture_go_into_the_form(kept: list[Kept]) -> None:
    at = opened(picture=kept[3].name)
    at.button(key="into_form").click().run()
    assert at.text_area(key="prompt").value == "a red fox in the snow"
    assert at.text_input(key="seed").value == "7"


def test_drawing_again_hands_in_the_same_settings_once(
    kept: list[Kept], monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[PictureRequest] = []

    def draw(vip: str, request: PictureRequest, **_: object) -> Picture:
        sent.append(request)
        raise Unreachable("enough")

    monkeypatch.setattr(pictures, "generate", draw)
    opened(picture=kept[3].name).button(key="again").click().run()
    wait_until(lambda: pictures.desk().jobs[0].state == "failed", timeout_s=10, what="the try")
    assert sent == [ASKED]
