"""What Config Sync reads: the objects that one directory of one commit of a bare Git repository declares.

Reads only. What is wrong with the source is raised as SyncError with Config Sync's KNV codes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

import yaml
from dulwich.errors import NotGitRepository
from dulwich.objects import Blob, Commit, Tree
from dulwich.refs import Ref
from dulwich.repo import Repo

Document = dict[str, Any]


class SyncError(Exception):
    """One error of a sync: KNV code, text, and where it is."""

    def __init__(self, code: str, text: str, *, source: str = "", resource: Document | None = None) -> None:
        where = f"\n\nsource: {source}" if source else ""
        more = f"\n\nFor more information, see https://g.co/cloud/acm-errors#knv{code}"
        super().__init__(f"KNV{code}: {text}{where}{more}")
        self.code, self.source, self.resource = code, source, resource or {}

    def body(self) -> Document:
        """As RootSync status and the fleet's MembershipState list it."""
        found: Document = {"code": self.code, "errorMessage": str(self)}
        if self.source or self.resource:
            metadata = self.resource.get("metadata") or {}
            group, _, version = self.resource.get("apiVersion", "").rpartition("/")
            found["errorResources"] = [{
                "sourcePath": self.source, "resourceName": metadata.get("name", ""),
                "resourceNamespace": metadata.get("namespace", ""),
                "resourceGvk": {"group": group, "version": version, "kind": self.resource.get("kind", "")},
            }]  # fmt: skip
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """One object of the source and the file that it is in."""

    path: str
    body: Document


def head(url: str, branch: str, revision: str) -> str:
    """The commit that is to be synced. SyncError 2004 when the repository or the reference is not there."""
    with open_repository(url) as repo:
        if re.fullmatch(r"[0-9a-f]{40}", revision):
            return revision
        names = (
            [f"refs/heads/{branch}"]
            if revision in {"", "HEAD"}
            else [f"refs/tags/{revision}", f"refs/heads/{revision}"]
        )
        for name in names:
            found = repo.refs.read_ref(Ref(name.encode()))
            if found:
                target = repo[found]
                return target.id.decode() if isinstance(target, Commit) else target.object[1].decode()  # type: ignore[attr-defined] # an annotated tag
    raise SyncError(
        "2004", f"unable to sync repo\nRemote branch {branch} not found in upstream origin ({url})"
    )


@lru_cache(maxsize=128)
def objects(url: str, commit: str, directory: str) -> tuple[Declared, ...]:
    """Every object declared under `directory`, in path order; a commit never changes, so this may be remembered."""
    with open_repository(url) as repo:
        found: list[Declared] = []
        for path, text in _files(repo, commit, directory.strip("/")):
            found += _parse(path, text)
    return tuple(found)


def manifests(url: str, commit: str, directory: str) -> list[tuple[str, str]]:
    """Path and text of every manifest under a directory, in path order."""
    with open_repository(url) as repo:
        return list(_files(repo, commit, directory.strip("/")))


def open_repository(url: str) -> Repo:
    """SyncError 2004 when there is none at this file:// URL."""
    path = Path(url.removeprefix("file://"))
    try:
        return Repo(str(path))
    except NotGitRepository as e:
        raise SyncError("2004", f"unable to sync repo\n{url}: repository not found") from e


def _files(repo: Repo, commit: str, directory: str) -> Iterator[tuple[str, str]]:
    try:
        tree = cast(Tree, repo[cast(Commit, repo[commit.encode()]).tree])
        for part in filter(None, directory.split("/")):
            tree = cast(Tree, repo[tree[part.encode()][1]])
    except KeyError as e:
        raise SyncError(
            "2004", f"unable to read directory {directory!r} of commit {commit}: path does not exist"
        ) from e
    yield from _walk(repo, tree, directory)


def _walk(repo: Repo, tree: Tree, where: str) -> Iterator[tuple[str, str]]:
    for entry in tree.items():
        name, sha = cast(bytes, entry.path).decode(), cast(bytes, entry.sha)
        path, found = f"{where}/{name}".lstrip("/"), repo[sha]
        if isinstance(found, Tree):
            yield from _walk(repo, found, path)
        elif isinstance(found, Blob) and name.endswith((".yaml", ".yml", ".json")):
            yield path, found.data.decode("utf-8", "replace")


def _parse(path: str, text: str) -> list[Declared]:
    try:
        documents = [d for d in yaml.safe_load_all(text) if d is not None]
    except yaml.YAMLError as e:
        raise SyncError("1067", f"failed to parse declared fields: {e}", source=path) from e
    found: list[Declared] = []
    for document in documents:
        is_list = isinstance(document, dict) and document.get("kind") == "List"
        bodies = (document.get("items") if is_list else None) or [document]
        found += [Declared(path=path, body=_checked(body, path)) for body in bodies]
    return found


def _checked(body: Any, path: str) -> Document:
    """An object with what every later step relies on."""
    if not isinstance(body, dict) or not body.get("apiVersion") or not body.get("kind"):
        raise SyncError("1067", "the object has no apiVersion or kind", source=path)
    metadata = body.get("metadata")
    if not isinstance(metadata, dict) or not metadata.get("name"):
        raise SyncError("1067", f"the {body['kind']} has no metadata.name", source=path)
    texts = {"apiVersion": body["apiVersion"], "kind": body["kind"], "metadata.name": metadata["name"]}
    texts["metadata.namespace"] = metadata.get("namespace") or ""
    maps = {f"metadata.{name}": metadata.get(name) or {} for name in ("labels", "annotations")}
    wrong = [name for name, value in texts.items() if not isinstance(value, str)]
    if wrong := [*wrong, *(name for name, value in maps.items() if not isinstance(value, dict))]:
        text = f"failed to encode declared fields: {wrong[0]} has the wrong type"
        raise SyncError("1067", text, source=path)
    return body
