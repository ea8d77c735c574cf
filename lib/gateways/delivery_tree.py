"""The delivery repository's objects: which directory of which commit says what, and the tree of the next commit.

Works on an open dulwich repository and touches no ref, file or network. dulwich brands its ids by type; they are
plain bytes here.
"""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import yaml
from dulwich.objects import Blob, Tree

from lib.fleet.model import DeliveredWorkload, DeliveryCommit, Provisioning, Rollout
from lib.gateways.workload import ACCELERATOR_LABEL, RETURNS_ANNOTATION, SPOT_LABEL

BRANCH = b"refs/heads/main"
DIRECTORY = b"clusters"
FOLDER, FILE = 0o40000, 0o100644
HELD_FILE = (
    "held.yaml"  # a comment, which Config Sync passes over: readers of the repository see the roll back
)
_HELD = re.compile(r"held at commit ([0-9a-f]{40})")
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml is ten times as fast, where it is there


def hold_mark(commit: str) -> dict[str, str]:
    """The file that says that the others beside it are not rendered but taken from a commit."""
    return {
        HELD_FILE: f"# A roll back: this directory is held at commit {commit}.\n"
        "# When its lease is over, GPU Atlas renders the directory anew.\n"
    }


def held_at(texts: Mapping[str, str]) -> str:
    found = _HELD.search(texts.get(HELD_FILE, ""))
    return found[1] if found else ""


def without_mark(texts: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name, text in texts.items() if name != HELD_FILE}


def content_of(texts: Mapping[str, str]) -> str:
    """A name for what the files say, the same for the same files."""
    told = hashlib.sha256()
    for name, text in sorted(without_mark(texts).items()):
        told.update(f"{name}\0{text}\0".encode())
    return told.hexdigest()[:16]


def parse_workload(texts: Mapping[str, str]) -> tuple[str, Provisioning, Rollout] | None:
    """Accelerator, provisioning and rollout of the Deployment in these files; None when there is none."""
    deployment = _deployment(texts)
    return _workload(deployment) if deployment is not None else None


def _deployment(texts: Mapping[str, str]) -> dict[str, Any] | None:
    for text in texts.values():
        try:
            documents = list(yaml.load_all(text, Loader=_LOADER))
        except yaml.YAMLError:
            continue  # someone's broken commit: Config Sync will say so in its words
        for document in documents:
            if isinstance(document, dict) and document.get("kind") == "Deployment":
                return document
    return None


def _workload(deployment: Mapping[str, Any]) -> tuple[str, Provisioning, Rollout]:
    spec = deployment.get("spec") or {}
    selector = ((spec.get("template") or {}).get("spec") or {}).get("nodeSelector") or {}
    spot = str(selector.get(SPOT_LABEL, "")).lower() == "true"
    hard = (spec.get("strategy") or {}).get("type") == "Recreate"
    return (
        str(selector.get(ACCELERATOR_LABEL, "")),
        Provisioning.SPOT if spot else Provisioning.STANDARD,
        Rollout.HARD if hard else Rollout.SAFE,
    )


def _returns_to(deployment: Mapping[str, Any]) -> tuple[str, Provisioning] | None:
    annotations = (deployment.get("metadata") or {}).get("annotations") or {}
    gpu, _, model = str(annotations.get(RETURNS_ANNOTATION, "")).partition("/")
    known = {m.value: m for m in Provisioning}
    return (gpu, known[model]) if gpu and model in known else None


def delivered(
    repo: Any, head: bytes, *, earlier: tuple[bytes, Mapping[str, DeliveredWorkload]] = (b"", {})
) -> dict[str, DeliveredWorkload]:
    """By cluster. With what was delivered at an `earlier` head only what has changed since is read."""
    entries = clusters_of(repo, head)
    touched = last_touched(repo, head, entries, until=earlier[0])
    found = {name: held for name, held in earlier[1].items() if name in entries and name not in touched}
    for cluster, tree in ((name, tree) for name, tree in entries.items() if name in touched):
        texts = texts_of(repo, tree)
        if (deployment := _deployment(texts)) is None:
            continue
        parsed, commit = _workload(deployment), touched[cluster]
        found[cluster] = DeliveredWorkload(
            cluster=cluster,
            accelerator=parsed[0],
            provisioning=parsed[1],
            rollout=parsed[2],
            commit=commit.id.decode(),
            committed_at=datetime.fromtimestamp(commit.commit_time, UTC),
            held_at=held_at(texts),
            released=HELD_FILE not in texts and _was_held(repo, commit, cluster),
            content=content_of(texts),
            returns_to=_returns_to(deployment) if parsed[2] is Rollout.HARD else None,
        )
    return found


def _was_held(repo: Any, commit: Any, cluster: str) -> bool:
    before = clusters_of(repo, commit.parents[0]) if commit.parents else {}
    return cluster in before and HELD_FILE.encode() in repo[before[cluster]]


def last_touched(
    repo: Any, head: bytes, entries: Mapping[str, bytes], *, until: bytes = b""
) -> dict[str, Any]:
    """By cluster, the newest commit after which its directory is as it is at the head. Of those since `until` only,
    when that is met on the way."""
    touched: dict[str, Any] = {}
    commit: Any = repo[head]
    while len(touched) < len(entries) and commit.id != until:
        before = clusters_of(repo, commit.parents[0]) if commit.parents else {}
        for cluster, tree in entries.items():
            if cluster not in touched and before.get(cluster) != tree:
                touched[cluster] = commit
        if commit.parents:
            commit = repo[commit.parents[0]]
    return touched


def history(repo: Any, head: bytes | None, limit: int) -> Iterator[Any]:
    while head is not None and limit > 0:
        commit: Any = repo[head]
        yield commit
        head, limit = (commit.parents[0] if commit.parents else None), limit - 1


def count(repo: Any, head: bytes | None) -> int:
    return sum(1 for _ in history(repo, head, sys.maxsize))


def resolved(repo: Any, head: bytes | None, name: str) -> list[bytes]:
    """Commits of the branch whose name begins so, newest first."""
    found: list[bytes] = []
    while head is not None:
        commit: Any = repo[head]
        if commit.id.startswith(name.encode()):
            found.append(commit.id)
        head = commit.parents[0] if commit.parents else None
    return found


def told(repo: Any, commit: Any) -> DeliveryCommit:
    after = clusters_of(repo, commit.id)
    before = clusters_of(repo, commit.parents[0]) if commit.parents else {}
    subject, _, rest = commit.message.decode(errors="replace").partition("\n")
    trailers = (line.partition(": ") for line in rest.splitlines() if ": " in line)
    return DeliveryCommit(
        sha=commit.id.decode(),
        author=commit.author.decode(errors="replace").partition(" <")[0],
        at=datetime.fromtimestamp(commit.commit_time, UTC),
        subject=subject,
        trailers={name: value for name, _, value in trailers},
        clusters=tuple(sorted(c for c in {*after, *before} if after.get(c) != before.get(c))),
    )


def head_of(repo: Any) -> bytes | None:
    return repo.refs[BRANCH] if BRANCH in repo.refs else None  # noqa: SIM401 - refs have no get


def clusters_of(repo: Any, commit: bytes) -> dict[str, bytes]:
    """Tree id of clusters/<name>, by name."""
    root: Any = repo[repo[commit].tree]
    if DIRECTORY not in root:
        return {}
    tree: Any = repo[root[DIRECTORY][1]]
    return {entry.path.decode(): entry.sha for entry in tree.iteritems() if entry.mode == FOLDER}


def texts_of(repo: Any, tree_id: bytes) -> dict[str, str]:
    tree: Any = repo[tree_id]
    return {
        entry.path.decode(): repo[entry.sha].data.decode(errors="replace")
        for entry in tree.iteritems()
        if entry.mode != FOLDER
    }


def tree_with(repo: Any, head: bytes | None, cluster: str, files: Mapping[str, str] | None) -> bytes:
    """Write the root tree of `head` with clusters/<cluster>/ replaced, and return its id."""
    root: Any = repo[repo[head].tree] if head else Tree()
    clusters: Any = repo[root[DIRECTORY][1]] if DIRECTORY in root else Tree()
    name = cluster.encode()
    if files:
        clusters[name] = (FOLDER, _write_files(repo, files))
    elif name in clusters:
        del clusters[name]
    if len(clusters):
        repo.object_store.add_object(clusters)
        root[DIRECTORY] = (FOLDER, clusters.id)
    elif DIRECTORY in root:  # Git has no empty directories
        del root[DIRECTORY]
    repo.object_store.add_object(root)
    return root.id


def _write_files(repo: Any, files: Mapping[str, str]) -> bytes:
    tree: Any = Tree()
    for path, text in files.items():
        if "/" in path or path in {"", ".", ".."}:
            raise ValueError(f"not a plain file name: {path!r}")
        blob = Blob.from_string(text.encode())
        repo.object_store.add_object(blob)
        tree.add(path.encode(), FILE, blob.id)
    repo.object_store.add_object(tree)
    return tree.id


def message_of(subject: str, trailers: Mapping[str, str]) -> str:
    lines = [f"{name}: {' '.join(value.split())}" for name, value in trailers.items()]
    return "\n".join([" ".join(subject.split()), *(["", *lines] if lines else []), ""])


def person(author: str) -> bytes:
    name = "".join(c for c in author if c not in "<>\n\r\0").strip() or "unknown"
    return f"{name} <{name if '@' in name else 'operator@gpu-atlas.invalid'}>".encode()
