"""The `filter` of lists, in both of the languages that Google's APIs have for it.

    name = "mci-web" AND (status = RESERVED OR NOT description:*)     the one of AIP-160
    (name eq ".*l4.*") (zone ne ".*-a")                               the older one, whose values are RE2 patterns

The older one is Compute's, and what gcloud sends it. A field that a resource does not have is an empty text; a field with
several values passes when one of them does.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from lib.sandbox.store import Document

Test = Callable[[Document], bool]
_TOKEN = re.compile(
    r"\s*(?:(?P<paren>[()])|(?P<op>!=|>=|<=|[=:<>])|\"(?P<text>(?:[^\"\\]|\\.)*)\"|(?P<minus>-(?=[\w(]))"
    r"|(?P<word>[^\s()=:<>!\"]+))"
)
_ORDER: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_OPERATORS = ("=", "!=", ":", "eq", "ne", *_ORDER)


class FilterError(ValueError):
    """The text is no filter."""


def compiled(text: str) -> Test:
    """What a resource is asked; FilterError. An empty text passes all."""
    if not text.strip():
        return lambda _: True
    try:
        return _Reader(text).whole()
    except (ValueError, re.error, RecursionError) as e:
        raise FilterError(text) from e


class _Reader:
    """Recursive descent: OR of ANDs of terms; terms side by side are ANDed. ValueError when it doesn't parse."""

    def __init__(self, text: str) -> None:
        self._tokens = list(_tokens(text))
        self._at = 0

    def whole(self) -> Test:
        found = self._alternatives()
        if self._at < len(self._tokens):
            raise ValueError(f"unexpected {self._tokens[self._at]}")
        return found

    def _alternatives(self) -> Test:
        tests = [self._all()]
        while self._taken("word", "OR"):
            tests.append(self._all())
        return lambda item: any(test(item) for test in tests)

    def _all(self) -> Test:
        tests = [self._negated()]
        while self._at < len(self._tokens) and self._peek() not in {("paren", ")"), ("word", "OR")}:
            self._taken("word", "AND")
            tests.append(self._negated())
        return lambda item: all(test(item) for test in tests)

    def _negated(self) -> Test:
        if self._taken("word", "NOT") or self._taken("minus", "-"):
            test = self._negated()
            return lambda item: not test(item)
        if self._taken("paren", "("):
            test = self._alternatives()
            if not self._taken("paren", ")"):
                raise ValueError("a parenthesis is not closed")
            return test
        return self._term()

    def _term(self) -> Test:
        kind, field = self._next()
        _, sign = self._next()
        value_kind, value = self._next()
        if kind != "word" or sign not in _OPERATORS or value_kind not in {"word", "text"}:
            raise ValueError(f"{field} {sign} {value} is no comparison")
        passes = _comparison(sign, value, quoted=value_kind == "text")
        return lambda item: passes(_texts(item, field.split(".")))

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._at] if self._at < len(self._tokens) else ("end", "")

    def _next(self) -> tuple[str, str]:
        token = self._peek()
        self._at += 1
        return token

    def _taken(self, *token: str) -> bool:
        taken = self._peek() == token
        self._at += taken
        return taken


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    place = 0
    while place < len(text.rstrip()):
        match = _TOKEN.match(text, place)
        if match is None or match.lastgroup is None:
            raise ValueError(f"unexpected {text[place:]}")
        yield match.lastgroup, match[match.lastgroup]
        place = match.end()


def _comparison(sign: str, value: str, *, quoted: bool) -> Callable[[list[str]], bool]:
    if sign in {"eq", "ne"}:
        pattern = re.compile(value)
        return lambda texts: any(pattern.fullmatch(t) for t in texts) == (sign == "eq")
    plain = re.sub(r"\\(.)", r"\1", value) if quoted else value
    if sign in {"=", "!="}:
        starred = re.compile(".*".join(re.escape(part) for part in plain.split("*")))
        return lambda texts: any(starred.fullmatch(t) for t in texts) == (sign == "=")
    if sign == ":":
        return lambda texts: any(t and plain.strip("*") in t for t in texts)
    return lambda texts: any(_ordered(sign, t, plain) for t in texts)


def _ordered(sign: str, found: str, wanted: str) -> bool:
    try:
        return _ORDER[sign](float(found), float(wanted))
    except ValueError:
        return _ORDER[sign](found, wanted)


def _texts(found: Any, path: list[str]) -> list[str]:
    """All values at the path, as they are written in JSON."""
    if isinstance(found, list):
        return [text for one in found for text in _texts(one, path)] or [""]
    if path:
        return _texts(found.get(path[0]), path[1:]) if isinstance(found, dict) else [""]
    if isinstance(found, bool):
        return [str(found).lower()]
    return [""] if found is None else [str(found)]
