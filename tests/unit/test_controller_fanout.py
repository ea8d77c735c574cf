"""Asking many at once: a deadline for each, one call in flight a name, unknown instead of absent."""

from __future__ import annotations

import threading
import time

import pytest

from lib.controller.fanout import FanOut
from lib.gateways.errors import NotFound, Unreachable


@pytest.fixture
def fan_out():
    made = FanOut(4)
    yield made
    made.close()


def test_a_value_comes_back(fan_out):
    assert fan_out.ask("clusters", lambda: 3).answer(time.monotonic() + 5).value == 3


def test_an_error_of_the_wire_is_an_answer(fan_out):
    def fail() -> int:
        raise NotFound("no such thing.")

    answer = fan_out.ask("x", fail).answer(time.monotonic() + 5)
    assert not answer.ok
    assert isinstance(answer.error, NotFound)


def test_a_bug_is_raised_and_not_taken_for_silence(fan_out):
    def broken() -> int:
        raise KeyError("bug")

    with pytest.raises(KeyError):
        fan_out.ask("x", broken).answer(time.monotonic() + 5)


def test_silence_is_unknown_and_is_not_asked_twice(fan_out):
    gate, calls = threading.Event(), []

    def slow() -> str:
        calls.append(1)
        gate.wait(10)
        return "late"

    first = fan_out.ask("asia-east1", slow).answer(time.monotonic())
    assert isinstance(first.error, Unreachable)
    again = fan_out.ask("asia-east1", slow)
    gate.set()
    assert again.answer(time.monotonic() + 5).value == "late"
    assert len(calls) == 1


def test_one_silent_name_does_not_delay_the_others(fan_out):
    gate = threading.Event()
    until = time.monotonic() + 0.2
    silent = fan_out.ask("silent", lambda: gate.wait(10))
    quick = fan_out.ask("quick", lambda: "here")
    assert not silent.answer(until).ok
    assert quick.answer(until).value == "here"
    gate.set()
