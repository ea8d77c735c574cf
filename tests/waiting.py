"""Waiting for a condition, which is how every test here passes time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_until(
    condition: Callable[[], T], *, timeout_s: float = 30.0, every_s: float = 0.05, what: str = ""
) -> T:
    """Return the first truthy value of `condition`; AssertionError with the last value after `timeout_s`."""
    end = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {timeout_s:g} s: {what or condition}; last seen: {value!r}")
        time.sleep(every_s)
