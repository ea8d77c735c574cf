"""The delivery repository: Git is how anything gets to run in a cluster (clusters/<cluster>/*.yaml on main).

A file:// repository is written to directly; any other is mirrored in the state directory, fetched before
reading and pushed after writing. No work tree, no git binary. Writers of one state directory take turns by a
lock file, strangers are noticed by compare-and-swap of the branch.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any
from urllib.parse import unquote, urlparse

import urllib3
from dulwich.client import HttpGitClient, HTTPUnauthorized, get_transport_and_path
from dulwich.errors import GitProtocolError, HangupException, NotGitRepository
from dulwich.file import FileLocked
from dulwich.objects import Commit
from dulwich.repo import Repo

from lib.fleet.model import DeliveredWorkload, DeliveryCommit
from lib.gateways import calls
from lib.gateways import delivery_tree as tree
from lib.gateways.delivery_tree import BRANCH
from lib.gateways.errors import (
    Conflict,
    DeliveryError,
    NotFound,
    PermissionDenied,
    Refused,
    Unreachable,
    silence,
)
from lib.settings import Settings

COMMITTER = b"GPU Atlas <controller@gpu-atlas.invalid>"
COMMIT_NAME = re.compile(r"[0-9a-f]{4,40}")
TRIES = 5
STALE_LOCK_S = 10.0  # Git holds a ref's lock for milliseconds; an older one was left by a process that died
FETCH_EVERY_S = 5.0
REMOTE_TIMEOUT_S = 15.0
TURN_S, TURN_EVERY_S = 20.0, 0.01  # a push to a remote may take a while
_REMOTE_ERRORS = (
    GitProtocolError,
    HangupException,
    NotGitRepository,
    FileLocked,
    urllib3.exceptions.HTTPError,
    OSError,
)
_fetching = threading.Lock()


class DeliveryGateway:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        url = urlparse(settings.delivery_url)
        self._local = url.scheme == "file"
        self._path = Path(unquote(url.path)) if self._local else settings.state_dir / "delivery-cache.git"
        self._shown = settings.delivery_url.replace(url.netloc, url.netloc.rpartition("@")[2])
        self._fetched_at = float("-inf")
        self._read: tuple[bytes, dict[str, DeliveredWorkload]] = (b"", {})

    def read(self) -> dict[str, DeliveredWorkload]:
        """What the head holds, by cluster. Cheap while the head stands still."""
        with self._open() as repo:
            head = tree.head_of(repo)
            if head is None:
                return {}
            if self._read[0] != head:
                self._read = (head, tree.delivered(repo, head, earlier=self._read))
            return dict(self._read[1])

    def head(self) -> str:
        """The newest commit; "" for an empty repository."""
        with self._open() as repo:
            return (tree.head_of(repo) or b"").decode()

    def files(self, cluster: str) -> dict[str, str]:
        """The files of one cluster at the head; empty when there are none."""
        with self._open() as repo:
            head = tree.head_of(repo)
            entries = tree.clusters_of(repo, head) if head else {}
            return tree.texts_of(repo, entries[cluster]) if cluster in entries else {}

    def resolve(self, name: str) -> str:
        """The whole name of a commit of the branch, from its beginning. Raises NotFound, Refused."""
        if not COMMIT_NAME.fullmatch(name):
            raise Refused(f"{name[:50]!r} is no commit: write 4 to 40 of its hexadecimal digits.")
        with self._open() as repo:
            found = tree.resolved(repo, tree.head_of(repo), name)
        if not found:
            raise NotFound(f"There is no commit {name[:12]} on the branch of the delivery repository.")
        if len(found) > 1:
            raise Refused(f"{len(found)} commits begin with {name}; write more of it.")
        return found[0].decode()

    def at(self, commit: str) -> dict[str, DeliveredWorkload]:
        """What a commit of the branch held, by cluster."""
        with self._open() as repo:
            return tree.delivered(repo, commit.encode())

    def past(self, commit: str, cluster: str) -> dict[str, str]:
        """One cluster's files as a commit held them. Raises DeliveryError when it held none."""
        found = self.texts(commit).get(cluster, {})
        if not found:
            raise DeliveryError(f"Commit {commit[:7]} holds nothing for {cluster}.")
        return tree.without_mark(found)

    def texts(self, commit: str) -> dict[str, dict[str, str]]:
        """All files of a commit: by cluster, by name. A commit that is not there holds nothing."""
        with self._open() as repo:
            if not commit or commit.encode() not in repo.object_store:
                return {}
            entries = tree.clusters_of(repo, commit.encode())
            return {name: tree.texts_of(repo, held) for name, held in entries.items()}

    def directories(self) -> dict[str, bool]:
        """Every cluster's directory at the head, and whether this platform committed it last."""
        with self._open() as repo:
            head = tree.head_of(repo)
            touched = tree.last_touched(repo, head, tree.clusters_of(repo, head)) if head else {}
            return {name: commit.committer == COMMITTER for name, commit in touched.items()}

    def commit(
        self,
        cluster: str,
        files: Mapping[str, str] | None,
        *,
        subject: str,
        author: str,
        trailers: Mapping[str, str] | None = None,
    ) -> str:
        """Make clusters/<cluster>/ hold exactly these files (None: take it away). Returns the commit, or the
        head when there is nothing to change."""
        message = tree.message_of(subject, trailers or {})
        with self._turn():
            for _ in range(TRIES):
                with self._open(fresh=True) as repo:
                    head = tree.head_of(repo)
                    root = tree.tree_with(repo, head, cluster, files)
                    if head is not None and repo[head].tree == root:
                        return head.decode()
                    made = self._commit(repo, head, root, message, author)
                    if self._publish(repo, head, made):
                        return made.decode()
        raise Conflict(f"Committing {cluster} failed: others kept pushing; try again.")

    def log(self, limit: int = 50) -> list[DeliveryCommit]:
        """Newest first."""
        with self._open() as repo:
            return [tree.told(repo, commit) for commit in tree.history(repo, tree.head_of(repo), limit)]

    def count(self) -> int:
        """Commits of the branch."""
        with self._open() as repo:
            return tree.count(repo, tree.head_of(repo))

    def _commit(self, repo: Any, head: bytes | None, root: bytes, message: str, author: str) -> bytes:
        commit: Any = Commit()
        commit.tree = root
        commit.parents = [head] if head else []
        commit.author, commit.committer = tree.person(author), COMMITTER
        commit.author_time = commit.commit_time = int(self._settings.now().timestamp())
        commit.author_timezone = commit.commit_timezone = 0
        commit.encoding, commit.message = b"UTF-8", message.encode()
        repo.object_store.add_object(commit)
        return commit.id

    def _publish(self, repo: Any, head: bytes | None, made: bytes) -> bool:
        """False when the branch moved meanwhile."""
        if not self._local and not self._push(repo, head, made):
            return False
        _break_stale_lock(repo)
        try:
            if head is None:
                return repo.refs.add_if_new(BRANCH, made)
            return repo.refs.set_if_equals(BRANCH, head, made)
        except FileLocked:
            time.sleep(0.05)
            return False

    @contextmanager
    def _open(self, *, fresh: bool = False) -> Iterator[Any]:
        """The repository, fetched when it is a mirror. One handle per use: threads don't share it."""
        if not self._local:
            self._fetch(fresh=fresh)
        try:
            repo = Repo(str(self._path))
        except NotGitRepository as e:
            raise Unreachable(f"The delivery repository {self._shown} is not there.") from e
        try:
            yield repo
        except (KeyError, FileNotFoundError) as e:
            raise DeliveryError(f"The delivery repository is damaged: {e} is missing.") from e
        finally:
            repo.close()

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """One writer at a time, over processes; the lock goes with its process. One that is stopped keeps it."""
        self._settings.state_dir.mkdir(parents=True, exist_ok=True)
        until = time.monotonic() + TURN_S
        with (self._settings.state_dir / "delivery.lock").open("w") as lock:
            while not _locked(lock):
                if time.monotonic() > until:
                    raise DeliveryError("Another writer keeps the delivery repository; try again.")
                time.sleep(TURN_EVERY_S)
            yield

    @contextmanager
    def _remote(self) -> Iterator[tuple[Any, str]]:
        """A client of the remote, and the path there."""
        calls.count("git")
        url, token = self._settings.delivery_url, self._settings.delivery_token
        if url.startswith(("http://", "https://")):
            parts = urlparse(url)
            client: Any = HttpGitClient(
                f"{parts.scheme}://{parts.netloc}",
                username="token" if token else None,
                password=token or None,
                timeout=REMOTE_TIMEOUT_S,
                quiet=True,
            )
            try:
                yield client, parts.path
            finally:
                client.pool_manager.clear()  # it has no close of its own
        else:
            yield get_transport_and_path(url, quiet=True)

    def _fetch(self, *, fresh: bool) -> None:
        with _fetching:
            if not fresh and time.monotonic() - self._fetched_at < FETCH_EVERY_S:
                return
            if not self._path.exists():
                _make_mirror(self._path)
            with (
                self._errors("Fetching from"),
                Repo(str(self._path)) as opened,
                self._remote() as (client, path),
            ):
                repo: Any = opened
                _break_stale_lock(repo)
                fetched = client.fetch(path, repo, determine_wants=lambda refs, *_: _wanted(repo, refs))
                if (there := fetched.refs.get(BRANCH)) is not None:
                    repo.refs[BRANCH] = there
            self._fetched_at = time.monotonic()

    def _push(self, repo: Any, head: bytes | None, made: bytes) -> bool:
        def update(refs: dict[bytes, bytes]) -> dict[bytes, bytes]:
            if refs.get(BRANCH) != head:
                raise _Moved
            return {BRANCH: made}

        try:
            with self._errors("Pushing to"), self._remote() as (client, path):
                pushed = client.send_pack(path, update, generate_pack_data=repo.generate_pack_data)
        except _Moved:
            return False
        return not (pushed.ref_status or {}).get(BRANCH)

    @contextmanager
    def _errors(self, doing: str) -> Iterator[None]:
        try:
            yield
        except HTTPUnauthorized as e:
            raise PermissionDenied(f"{doing} {self._shown} failed: ATLAS_DELIVERY_TOKEN is refused.") from e
        except _REMOTE_ERRORS as e:
            raise Unreachable(f"{doing} {self._shown} failed: {silence(e)}.") from e


class _Moved(Exception):  # noqa: N818
    """The remote branch is not where it was read."""


def _wanted(repo: Any, refs: Mapping[bytes, bytes]) -> list[bytes]:
    return [refs[BRANCH]] if BRANCH in refs and refs[BRANCH] not in repo.object_store else []


def _make_mirror(path: Path) -> None:
    """Made aside and moved into place: a process that dies here leaves nothing half made."""
    aside = path.with_suffix(".tmp")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    Repo.init_bare(str(aside), default_branch=b"main").close()
    aside.replace(path)


def _locked(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _break_stale_lock(repo: Any) -> None:
    lock = Path(os.fsdecode(repo.path)) / f"{BRANCH.decode()}.lock"
    with suppress(FileNotFoundError):
        if time.time() - lock.stat().st_mtime > STALE_LOCK_S:
            lock.unlink()
