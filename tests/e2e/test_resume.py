"""kill -9 of any of the three processes at any moment: it comes back by itself, nothing is done twice, nothing lost."""

from __future__ import annotations

import os
import signal

import psutil
import pytest

from tests.e2e.stack import Stack
from tests.waiting import wait_until

pytestmark = pytest.mark.e2e
MODULES = {"sandbox": "lib.sandbox", "controller": "lib.controller", "dashboard": "streamlit"}


def find(stack: Stack, name: str) -> int:
    """The pid of a part of this stack, told by its environment; 0 when there is none."""
    for process in psutil.process_iter():
        try:
            words = process.cmdline()
            if process.environ().get("ATLAS_STATE_DIR") != str(stack.state_dir) or "-m" not in words:
                continue
            if words[words.index("-m") + 1] == MODULES[name]:
                return process.pid
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue
    return 0


def kill(stack: Stack, name: str) -> None:
    pid = wait_until(lambda: find(stack, name), timeout_s=60, what=f"a running {name}")
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: find(stack, name) not in {0, pid}, timeout_s=60, what=f"a new {name}")


def created(stack: Stack) -> list[str]:
    """Regions that a cluster was really requested for, once for each request."""
    actions = stack.atlas("events", "--kind", "action", "--limit", "2000") or []
    return [e["region"] for e in actions if e["subject"] == "CreateCluster" and e["body"]["operation"]]


@pytest.mark.parametrize("name", ["sandbox", "controller", "dashboard"])
def test_a_part_that_is_killed_while_regions_come_up_is_back_and_goes_on(stack: Stack, name: str) -> None:
    kill(stack, name)
    wait_until(stack.regions, timeout_s=90, every_s=0.5, what="a placement with regions")


def test_after_all_those_kills_two_regions_serve_and_nothing_was_made_twice(stack: Stack) -> None:
    serving = stack.wait_serving(2)
    assert len(created(stack)) == len(set(created(stack)))
    assert set(serving) <= set(created(stack))


@pytest.mark.parametrize("name", ["controller", "sandbox"])
def test_a_kill_in_the_middle_of_an_expansion_loses_neither_wish_nor_region(stack: Stack, name: str) -> None:
    before = stack.wait_serving(2)
    region = next(r for r in ("us-west1", "asia-southeast1", "us-east4") if r not in before)
    stack.atlas("expand", region)
    kill(stack, name)
    assert region in stack.wait_serving(3)
    assert created(stack).count(region) <= 1 + (name == "sandbox")
    stack.atlas("contract", region)
    wait_until(lambda: region not in stack.regions(), timeout_s=150, every_s=0.5, what=f"{region} gone")


def test_a_stopped_product_starts_again_where_it_was(stack: Stack) -> None:
    before = stack.wait_serving(2)
    stack.stop()
    stack.start()
    wait_until(
        lambda: sorted(stack.serving()) == sorted(before), timeout_s=90, every_s=0.5, what="the same two"
    )
