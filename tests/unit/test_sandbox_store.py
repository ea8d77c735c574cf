"""The sandbox's store: what is held in memory follows what is used, and nothing that was written is lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lib.sandbox import store_table
from lib.sandbox.store import Change, StateError, Store


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """It has room for four documents."""
    monkeypatch.setattr(store_table.Table.__init__, "__kwdefaults__", {"room": 4})
    opened = Store(tmp_path / "state.db")
    yield opened
    opened.close()


def test_a_collection_that_was_forgotten_is_read_again(store: Store) -> None:
    for name in "abcdef":
        for key in "xyz":
            store.put(name, key, {"at": f"{name}{key}"})
    for name in "abcdef":
        assert dict(store.items(name)) == {key: {"at": f"{name}{key}"} for key in "xyz"}
        assert store.version_of(name, "z") == 3 * ("abcdef".index(name) + 1)
    assert store.collections("") == list("abcdef")


def test_what_is_changed_and_deleted_in_a_forgotten_collection_counts(store: Store) -> None:
    for name in "abc":
        for key in "xyz":
            store.put(name, key, {"n": 1})
    assert store.delete("a", "x") == {"n": 1}
    store.put("b", "y", {"n": 2})
    for name in "cab":
        list(store.items(name))
    assert (store.get("a", "x"), store.get("b", "y")) == (None, {"n": 2})
    assert [store.count(name) for name in "abc"] == [2, 3, 3]


def test_a_collection_without_documents_has_no_name(store: Store) -> None:
    store.put("a/b", "x", {})
    store.put("a/c", "x", {})
    store.put("b", "x", {})
    store.delete("a/b", "x")
    assert store.collections("a/") == ["a/c"]
    store.put("a/b", "x", {})
    assert store.collections("a/") == ["a/b", "a/c"]


def test_a_listener_of_one_collection_hears_only_of_that(store: Store) -> None:
    heard: list[Change] = []
    everything: list[Change] = []
    stop = store.subscribe(heard.append, "a")
    store.subscribe(everything.append)
    store.put("a", "x", {"n": 1})
    store.put("b", "x", {"n": 2})
    store.delete("a", "x")
    stop()
    store.put("a", "x", {"n": 3})
    assert [(c.collection, c.new) for c in heard] == [("a", {"n": 1}), ("a", None)]
    assert len(everything) == 4


def test_a_document_that_is_no_json_leaves_nothing_behind(store: Store) -> None:
    with pytest.raises(TypeError):
        store.put("a", "x", {"n": object()})
    store.put("a", "y", {"n": 1})
    assert [key for key, _ in store.items("a")] == ["y"]


def test_versions_go_on_after_the_newest_object_went(tmp_path: Path) -> None:
    first = Store(tmp_path / "state.db")
    first.put("a", "x", {})
    first.put("a", "y", {})
    first.delete("a", "y")
    first.close()
    again = Store(tmp_path / "state.db")
    assert again.version == 3
    assert again.put("a", "z", {}) == 4
    again.close()


def test_a_damaged_file_is_told_in_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    first = Store(path)
    for number in range(200):
        first.put("a", str(number), {"text": "x" * 500})
    first.close()
    body = bytearray(path.read_bytes())
    body[8192:16384] = b"\xff" * 8192
    path.write_bytes(bytes(body))
    with pytest.raises(StateError, match=r"state\.db is not a readable sandbox state .* move it away"):
        Store(path)
