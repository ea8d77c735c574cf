"""Filters and pages of the sandbox's lists: what passes, what is refused, and that no item is lost between pages."""

from __future__ import annotations

import pytest

from lib.sandbox import filters, paging

L4 = {
    "name": "nvidia-l4",
    "zone": "https://x/zones/us-central1-a",
    "status": "UP",
    "cards": 8,
    "tags": ["a", "b"],
    "deep": {"on": True},
}
VIP = {"name": "vip", "description": "of the demo", "cards": 10}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", ["nvidia-l4", "vip"]),
        ("name = vip", ["vip"]),
        ("name = nvidia-*", ["nvidia-l4"]),
        ('name != "vip"', ["nvidia-l4"]),
        ("description:demo", ["vip"]),
        ("description:*", ["vip"]),
        ("NOT description:*", ["nvidia-l4"]),
        ("-name = vip", ["nvidia-l4"]),
        ("cards > 8", ["vip"]),
        ("cards <= 8", ["nvidia-l4"]),
        ("tags = b", ["nvidia-l4"]),
        ("deep.on = true", ["nvidia-l4"]),
        ("name = vip OR status = UP", ["nvidia-l4", "vip"]),
        ("(name = vip OR name = x) AND description:demo", ["vip"]),
        ("name = vip status = UP", []),
        (r'(name eq ".*\bl4\b.*")(zone eq ".*\bus\-central1.*")', ["nvidia-l4"]),
        ('name ne ".*l4"', ["vip"]),
        ("status eq UP", ["nvidia-l4"]),
    ],
)
def test_a_filter_in_either_language(text: str, found: list[str]) -> None:
    test = filters.compiled(text)
    assert [item["name"] for item in (L4, VIP) if test(item)] == found


@pytest.mark.parametrize(
    "text",
    ["what is this", "name =", "(name = a", "name = a)", 'name eq "("', "= b", "name ~ x", "(" * 5000, '"'],
)
def test_what_is_no_filter_is_refused(text: str) -> None:
    with pytest.raises(filters.FilterError):
        filters.compiled(text)


def pages(items: list[str], size: int, query: str = "") -> list[list[str]]:
    found, token = paging.page(items, key=str, size=size, token="", query=query)
    told = [found]
    while token:
        found, token = paging.page(items, key=str, size=size, token=token, query=query)
        told.append(found)
    return told


def test_pages_hold_every_item_once() -> None:
    assert pages(["a", "b", "c", "d", "e"], 2) == [["a", "b"], ["c", "d"], ["e"]]
    assert pages(["a", "b"], 2) == [["a", "b"]]
    assert pages([], 2) == [[]]


def test_what_comes_and_goes_between_two_pages_moves_nothing_else() -> None:
    _, token = paging.page(["b", "c", "d", "e"], key=str, size=2, token="")
    assert paging.page(["a", "b", "c", "d", "e"], key=str, size=2, token=token)[0] == ["d", "e"]
    assert paging.page(["b", "d", "e"], key=str, size=2, token=token)[0] == ["e"]


@pytest.mark.parametrize("token", ["nonsense", "5", "!", "e30", "W10", "WyJhIiwgLTEsICJ4Il0"])
def test_a_token_that_was_never_given_is_refused(token: str) -> None:
    with pytest.raises(paging.TokenError):
        paging.page(["a"], key=str, size=1, token=token)


def test_a_token_belongs_to_its_query() -> None:
    _, token = paging.page(["a", "b"], key=str, size=1, token="", query="name = a*")
    with pytest.raises(paging.TokenError):
        paging.page(["a", "b"], key=str, size=1, token=token, query="")
