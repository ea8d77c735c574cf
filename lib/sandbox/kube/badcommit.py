"""The commit of somebody who didn't test: a child of a good one in which a directory no longer syncs.

Real Git objects in the same repository, but on no branch: who clones, fetches or pushes never meets it. The same
commit, directory and seed give the same child, so it may be asked for at every poll. What is wrong with it is found
by Config Sync as in any other commit.
"""

from __future__ import annotations

import random
from typing import Any, cast

from dulwich.object_store import commit_tree_changes
from dulwich.objects import Blob, Commit, ObjectID
from dulwich.repo import Repo

from lib.sandbox import faults
from lib.sandbox.fault_kinds import KNV_DEFAULT
from lib.sandbox.kube import gitsource
from lib.sandbox.kube.gitsource import SyncError
from lib.sandbox.kube.storage import KubeCluster

Document = dict[str, Any]
_AUTHOR = b"an operator <operator@example.com>"
_CONFIG_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\ndata: %s\n"
_NAMED = _CONFIG_MAP % ("from-a-bad-commit", "{a: b}")
_NO_DIRECTORY = "KNV2004"
DAMAGES = {  # what is added to a manifest
    "KNV1021": "apiVersion: example.com/v1\nkind: Gadget\nmetadata: {name: from-a-bad-commit}\n",
    "KNV1029": f"{_NAMED}---\n{_NAMED}",
    "KNV1067": _CONFIG_MAP % ("from-a-bad-commit", "not a map"),
    "KNV2009": _CONFIG_MAP % ("From_a_bad_commit", "{a: b}"),
}


def as_fetched(cluster: KubeCluster, git: Document, head: str | SyncError) -> str | SyncError:
    """The head of a cluster's source, or what a `bad-commit` fault in force makes of it."""
    world = cluster.world
    where = {"cluster": f"{cluster.location}/{cluster.name}", "region": cluster.location}
    fault = faults.first(world, "bad-commit", **where)
    if fault is None or isinstance(head, SyncError):
        return head
    code = fault["scope"].get("code") or KNV_DEFAULT
    try:
        return child(git.get("syncRepo", ""), head, git.get("policyDir", ""), code=code, seed=str(world.seed))
    except SyncError as e:
        return e


def child(url: str, commit: str, directory: str, *, code: str, seed: str) -> str:
    """The damaged child of a commit. `code`: the error that Config Sync meets, one of DAMAGES or KNV2004, for which
    the directory is gone. A directory without a manifest has nothing to damage: then it is the commit itself.
    Raises SyncError 2004 when the source can't be read or written."""
    directory = "/".join(filter(None, directory.split("/")))
    if code == _NO_DIRECTORY and not directory:  # the root can't be taken away
        raise SyncError("2004", f"unable to sync repo\n{url}: the commit can't be read")
    manifests = gitsource.manifests(url, commit, directory)
    if not manifests:
        return commit
    path, text = random.Random(f"{seed}/{commit}").choice(manifests)
    with gitsource.open_repository(url) as repo:
        try:
            return _commit(repo, commit, directory if code == _NO_DIRECTORY else path, _damaged(text, code))
        except OSError as e:
            raise SyncError("2004", f"unable to sync repo\n{url}: {e.strerror}") from e


def _damaged(text: str, code: str) -> str | None:
    """None: it is taken away."""
    return None if code == _NO_DIRECTORY else f"{text.rstrip()}\n---\n{DAMAGES[code]}"


def _commit(repo: Repo, parent: str, path: str, text: str | None) -> str:
    before = cast(Commit, repo[ObjectID(parent.encode())])
    change = (path.encode(), None, None)
    if text is not None:
        blob = Blob.from_string(text.encode())
        repo.object_store.add_object(blob)
        change = (path.encode(), 0o100644, blob.id)
    commit = Commit()
    commit.tree = commit_tree_changes(repo.object_store, before.tree, [change])
    commit.parents = [before.id]
    commit.author = commit.committer = _AUTHOR
    commit.author_time = commit.commit_time = before.commit_time
    commit.author_timezone = commit.commit_timezone = before.commit_timezone
    commit.message = f"Change {path}\n".encode()
    repo.object_store.add_object(commit)
    return commit.id.decode()
