from __future__ import annotations

import base64
import fcntl
import gc
import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
from dulwich.repo import Repo
from dulwich.server import DictBackend
from dulwich.web import make_wsgi_chain

from lib.fleet.model import Provisioning, Rollout
from lib.gateways import delivery as subject
from lib.gateways.delivery import DeliveryGateway
from lib.gateways.delivery_tree import hold_mark, parse_workload
from lib.gateways.errors import DeliveryError, NotFound, PermissionDenied, Refused, Unreachable
from lib.gateways.workload import RETURNS_ANNOTATION
from lib.settings import Settings

CLUSTER = "atlas-us-east1"
TOKEN = "s3cret"


def deployment(accelerator: str = "nvidia-l4", *, spot: bool = False, strategy: str = "RollingUpdate") -> str:
    selector = f"{{cloud.google.com/gke-accelerator: {accelerator}" + (
        ', cloud.google.com/gke-spot: "true"}' if spot else "}"
    )
    return (
        "kind: ConfigMap\n---\n"
        f"kind: Deployment\nspec:\n  strategy: {{type: {strategy}}}\n"
        f"  template: {{spec: {{nodeSelector: {selector}}}}}\n"
    )


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    path = tmp_path / "delivery.git"
    Repo.init_bare(str(path), mkdir=True, default_branch=b"main").close()
    return path


class Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Nothing: a test's output is its result."""


@pytest.fixture
def git_host(bare: Path) -> Iterator[str]:
    """The same repository behind HTTP, for those who bring the token."""
    served = Repo(str(bare))
    git = make_wsgi_chain(DictBackend({"/delivery.git": served}))
    wanted = "Basic " + base64.b64encode(f"token:{TOKEN}".encode()).decode()

    def guarded(environ: dict[str, Any], start_response: Any) -> Any:
        if environ.get("HTTP_AUTHORIZATION") != wanted:
            start_response("401 Unauthorized", [("WWW-Authenticate", "Basic")])
            return [b""]
        return git(environ, start_response)

    with make_server("127.0.0.1", 0, guarded, handler_class=Quiet) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/delivery.git"
        server.shutdown()
    served.close()


@pytest.fixture(params=["file", "remote", "http"])
def delivery(request: pytest.FixtureRequest, tmp_path: Path, bare: Path) -> DeliveryGateway:
    """Straight on the repository, and through a mirror that is fetched and pushed."""
    urls = {"file": f"file://{bare}", "remote": str(bare)}
    url = urls.get(request.param) or request.getfixturevalue("git_host")
    return DeliveryGateway(Settings(state_dir=tmp_path / "state", delivery_url=url, delivery_token=TOKEN))


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")  # dulwich forgets the answer that refused it
def test_a_wrong_token_is_said_without_showing_it(tmp_path: Path, git_host: str) -> None:
    settings = Settings(state_dir=tmp_path / "state", delivery_url=git_host, delivery_token="wr0ng")

    with pytest.raises(PermissionDenied, match="ATLAS_DELIVERY_TOKEN is refused") as raised:
        DeliveryGateway(settings).read()
    assert "wr0ng" not in str(raised.value)
    del raised
    gc.collect()


def commit(delivery: DeliveryGateway, cluster: str = CLUSTER, **files: str) -> str:
    return delivery.commit(
        cluster,
        {f"{name}.yaml": text for name, text in files.items()} or None,
        subject=f"Change {cluster}",
        author="ada@example.org",
        trailers={"Reason": "a test", "Operation-Id": "op-1"},
    )


def test_an_empty_repository_holds_nothing(delivery: DeliveryGateway) -> None:
    assert (delivery.read(), delivery.log(), delivery.head()) == ({}, [], "")


def test_what_is_committed_is_read_back_with_its_commit(delivery: DeliveryGateway) -> None:
    sha = commit(delivery, deployment=deployment(spot=True, strategy="Recreate"))
    found = delivery.read()[CLUSTER]

    assert (found.accelerator, found.provisioning, found.rollout) == (
        "nvidia-l4",
        Provisioning.SPOT,
        Rollout.HARD,
    )
    assert (found.commit, delivery.head()) == (sha, sha)


def test_a_commit_that_changes_nothing_is_not_made(delivery: DeliveryGateway) -> None:
    first = commit(delivery, deployment=deployment())

    assert commit(delivery, deployment=deployment()) == first
    assert len(delivery.log()) == 1


def test_removing_what_is_not_there_is_not_a_commit(delivery: DeliveryGateway) -> None:
    first = commit(delivery, deployment=deployment())

    assert commit(delivery, "atlas-nowhere") == first


def test_each_cluster_keeps_the_commit_that_touched_it_last(delivery: DeliveryGateway) -> None:
    first = commit(delivery, deployment=deployment())
    second = commit(delivery, "atlas-us-west1", deployment=deployment("nvidia-tesla-t4"))
    third = commit(delivery, "atlas-us-west1", deployment=deployment("nvidia-l4"))

    assert {name: found.commit for name, found in delivery.read().items()} == {
        CLUSTER: first,
        "atlas-us-west1": third,
    }
    assert second != third


def test_what_has_changed_since_the_last_look_is_seen_as_by_a_first_one(
    delivery: DeliveryGateway, tmp_path: Path
) -> None:
    old, new = {"d.yaml": deployment()}, {"d.yaml": deployment("nvidia-tesla-t4")}
    for step in (
        [("a", old), ("b", old), ("c", old)],
        [("a", new), ("d", new)],
        [("b", new), ("b", old)],  # there and back: touched all the same
        [("c", None)],
        [("c", new), ("d", {"note.txt": "no Deployment any more"})],
    ):
        for cluster, files in step:
            delivery.commit(cluster, files, subject="x", author="y")
        assert delivery.read() == DeliveryGateway(delivery._settings).read()
    assert set(delivery.read()) == {"a", "b", "c"}


def test_going_back_to_an_earlier_text_is_a_new_commit(delivery: DeliveryGateway) -> None:
    commit(delivery, deployment=deployment("nvidia-l4"))
    commit(delivery, deployment=deployment("nvidia-h100-80gb"))
    back = commit(delivery, deployment=deployment("nvidia-l4"))

    assert delivery.read()[CLUSTER].commit == back


def test_a_removed_cluster_is_gone_and_the_others_stay(delivery: DeliveryGateway) -> None:
    commit(delivery, deployment=deployment())
    commit(delivery, "atlas-us-west1", deployment=deployment())
    commit(delivery)

    assert list(delivery.read()) == ["atlas-us-west1"]
    commit(delivery, "atlas-us-west1")
    assert delivery.read() == {}


def test_a_file_that_is_not_given_any_more_is_removed(delivery: DeliveryGateway) -> None:
    commit(delivery, deployment=deployment(), extra="kind: ConfigMap\n")
    commit(delivery, deployment=deployment())

    assert list(delivery.files(CLUSTER)) == ["deployment.yaml"]


def test_the_log_tells_who_why_and_which_cluster(delivery: DeliveryGateway) -> None:
    commit(delivery, deployment=deployment())
    (told,) = delivery.log()

    assert (told.subject, told.author, told.clusters) == (f"Change {CLUSTER}", "ada@example.org", (CLUSTER,))
    assert told.trailers == {"Reason": "a test", "Operation-Id": "op-1"}


def test_text_from_outside_cannot_forge_lines_or_authors(delivery: DeliveryGateway) -> None:
    delivery.commit(
        CLUSTER,
        {"a.yaml": "x: 1\n"},
        subject="One\nOperation-Id: forged",
        author="eve <root@x>\nSigned-off: me",
        trailers={"Reason": "two\nlines"},
    )
    (told,) = delivery.log()

    assert told.subject == "One Operation-Id: forged"
    assert told.trailers == {"Reason": "two lines"}
    assert "\n" not in told.author


def test_writers_that_meet_all_get_their_commit(delivery: DeliveryGateway) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: commit(delivery, f"atlas-{n}", deployment=deployment()), range(8)))

    assert len(delivery.read()) == 8


def test_a_stranger_who_pushed_meanwhile_is_not_overwritten(tmp_path: Path, bare: Path) -> None:
    ours = DeliveryGateway(Settings(state_dir=tmp_path / "a", delivery_url=str(bare)))
    theirs = DeliveryGateway(Settings(state_dir=tmp_path / "b", delivery_url=str(bare)))
    commit(ours, deployment=deployment())
    commit(theirs, "atlas-theirs", deployment=deployment())
    commit(ours, deployment=deployment("nvidia-tesla-t4"))

    assert set(ours.read()) == {CLUSTER, "atlas-theirs"}


def test_a_writer_that_stands_still_keeps_nobody_waiting_for_ever(
    delivery: DeliveryGateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subject, "TURN_S", 0.2)
    (tmp_path / "state").mkdir(exist_ok=True)
    with (tmp_path / "state" / "delivery.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(DeliveryError, match="Another writer keeps the delivery repository"):
            commit(delivery)
    commit(delivery)


def test_a_lock_left_by_a_killed_process_is_broken(tmp_path: Path, bare: Path) -> None:
    delivery = DeliveryGateway(Settings(state_dir=tmp_path / "state", delivery_url=f"file://{bare}"))
    commit(delivery, deployment=deployment())
    lock = bare / "refs" / "heads" / "main.lock"
    lock.touch()
    os.utime(lock, (time.time() - 60, time.time() - 60))

    commit(delivery, deployment=deployment("nvidia-tesla-t4"))

    assert delivery.read()[CLUSTER].accelerator == "nvidia-tesla-t4"


@pytest.mark.parametrize("scheme", ["file://", ""])
def test_a_repository_that_is_not_there_is_said(tmp_path: Path, scheme: str) -> None:
    url = f"{scheme}{tmp_path}/nowhere.git"
    delivery = DeliveryGateway(Settings(state_dir=tmp_path / "state", delivery_url=url))

    with pytest.raises(Unreachable, match=r"nowhere\.git"):
        delivery.read()


def test_a_broken_commit_of_a_stranger_does_not_hide_the_other_clusters(delivery: DeliveryGateway) -> None:
    commit(delivery, deployment=deployment())
    commit(delivery, "atlas-broken", deployment="kind: [Deployment\n")

    assert list(delivery.read()) == [CLUSTER]
    assert parse_workload({"a": "just text"}) is None


@pytest.mark.parametrize(
    ("strategy", "note", "told"),
    [
        pytest.param("Recreate", "nvidia-l4/SPOT", ("nvidia-l4", Provisioning.SPOT), id="a drill's"),
        pytest.param("RollingUpdate", "nvidia-l4/SPOT", None, id="not a drill's"),
        pytest.param("Recreate", "nvidia-l4", None, id="without a provisioning model"),
        pytest.param("Recreate", "nvidia-l4/CHEAP", None, id="of no known one"),
    ],
)
def test_what_a_drill_returns_to_is_read_from_its_files(
    delivery: DeliveryGateway, strategy: str, note: str, told: object
) -> None:
    text = deployment("nvidia-h100-80gb", strategy=strategy)
    metadata = f"kind: Deployment\nmetadata: {{annotations: {{{RETURNS_ANNOTATION}: {note}}}}}\n"
    commit(delivery, deployment=text.replace("kind: Deployment\n", metadata))

    assert delivery.read()[CLUSTER].returns_to == told


def test_file_names_stay_inside_the_directory(delivery: DeliveryGateway) -> None:
    with pytest.raises(ValueError, match="plain file name"):
        delivery.commit(CLUSTER, {"../x.yaml": ""}, subject="s", author="a")


def test_a_commit_is_found_by_its_beginning_and_what_it_held_is_read_back(delivery: DeliveryGateway) -> None:
    first = commit(delivery, deployment=deployment())
    commit(delivery, deployment=deployment("nvidia-tesla-t4"))

    assert delivery.resolve(first[:8]) == first
    assert delivery.at(first)[CLUSTER].accelerator == "nvidia-l4"
    assert delivery.texts(first) == {CLUSTER: {"deployment.yaml": deployment()}}
    assert delivery.texts("0" * 40) == {}


@pytest.mark.parametrize(
    ("name", "error", "says"),
    [
        pytest.param("beefbeef", NotFound, "There is no commit beefbeef", id="not there"),
        pytest.param("main", Refused, "is no commit", id="not a name of one"),
        pytest.param("abc", Refused, "4 to 40", id="too short"),
    ],
)
def test_what_names_no_commit_is_said(
    delivery: DeliveryGateway, name: str, error: type[Exception], says: str
) -> None:
    commit(delivery, deployment=deployment())
    with pytest.raises(error, match=says):
        delivery.resolve(name)


def test_a_directory_that_is_held_says_at_which_commit_and_has_the_same_content(
    delivery: DeliveryGateway,
) -> None:
    first = commit(delivery, deployment=deployment())
    commit(delivery, deployment=deployment("nvidia-tesla-t4"))
    held = {**delivery.past(first, CLUSTER), **hold_mark(first)}
    back = delivery.commit(CLUSTER, held, subject="Roll back", author="ada")
    found = delivery.read()[CLUSTER]

    assert (found.held_at, found.accelerator, found.commit) == (first, "nvidia-l4", back)
    assert found.content == delivery.at(first)[CLUSTER].content
    assert delivery.past(back, CLUSTER) == {"deployment.yaml": deployment()}
    commit(delivery, deployment=deployment())
    assert (delivery.read()[CLUSTER].held_at, delivery.read()[CLUSTER].released) == ("", True)
    commit(delivery, deployment=deployment("nvidia-tesla-t4"))
    assert not delivery.read()[CLUSTER].released
    with pytest.raises(DeliveryError, match="holds nothing for atlas-nowhere"):
        delivery.past(first, "atlas-nowhere")
