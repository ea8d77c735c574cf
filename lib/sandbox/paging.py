"""Pages of a list: a size, and a token that says where the next page begins.

A token holds the last key that was given, so that what comes and goes between two calls moves no other item; the
place is its second witness, for when that item has gone. It belongs to one query: with another filter it is refused.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


class TokenError(ValueError):
    """The token is none that this list gave."""


def page(
    items: Sequence[T], *, key: Callable[[T], str], size: int, token: str, query: str = ""
) -> tuple[list[T], str]:
    """At most `size` items after the token, and the token of the next page ("" after the last); TokenError."""
    begin = _begin([key(item) for item in items], token, query) if token else 0
    found = list(items[begin : begin + size])
    end = begin + len(found)
    return found, _token(key(found[-1]), end, query) if found and end < len(items) else ""


def _token(last: str, end: int, query: str) -> str:
    return base64.urlsafe_b64encode(json.dumps([last, end, _digest(query)]).encode()).decode().rstrip("=")


def _begin(keys: list[str], token: str, query: str) -> int:
    try:
        last, end, digest = json.loads(
            base64.b64decode(token + "=" * (-len(token) % 4), b"-_", validate=True)
        )
        whole = (isinstance(last, str), isinstance(end, int) and end >= 0, digest == _digest(query))
    except (ValueError, TypeError) as e:
        raise TokenError(token) from e
    if not all(whole):
        raise TokenError(token)
    return keys.index(last) + 1 if last in keys else end


def _digest(query: str) -> str:
    return hashlib.sha256(query.encode()).hexdigest()[:8]
