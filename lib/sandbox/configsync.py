"""Config Sync: each member cluster follows its directory of a Git repository, and says which commit it runs.

For each membership with a configmanagement spec: install, fetch, apply, prune, revert drift of declared fields. When
the spec goes, what it managed is deleted too (real Config Sync leaves it; this platform wants a clean removal).
Where a cluster stands is kept in SYNC_STATES under private keys, what it manages in `kube.inventory`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from lib.sandbox import faults, stages
from lib.sandbox.kube import badcommit, declared, gitsource, inventory, platform, rootsync
from lib.sandbox.kube.applying import holds, server_side_apply
from lib.sandbox.kube.errors import StatusError
from lib.sandbox.kube.fleet_kinds import SYNC_KINDS
from lib.sandbox.kube.gitsource import SyncError
from lib.sandbox.kube.objects import rfc3339
from lib.sandbox.kube.resources import Resource
from lib.sandbox.kube.storage import KubeCluster
from lib.sandbox.store import Store
from lib.sandbox.world import CLUSTERS, FEATURES, MEMBERSHIPS, SYNC_STATES, World

Document = dict[str, Any]
INVENTORIES = (
    "configsync.inventories"  # "<location>/<cluster>": {"objects": [[resource, namespace, name], ...]}
)
MANAGER = "configsync"
POLL_S = 15.0


@dataclass(slots=True)
class _Memory:
    """What need not survive a restart: polls made, and objects found as declared."""

    polled: dict[str, int]
    checked: dict[tuple[str, str, str], tuple[int, str]]


_MEMORY: WeakKeyDictionary[Store, _Memory] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One membership that wants Config Sync, and its cluster."""

    key: str  # "<location>/<membership id>"
    cluster: KubeCluster
    spec: Document  # configmanagement MembershipSpec

    @property
    def name(self) -> str:
        return self.spec.get("cluster") or self.key.partition("/")[2]

    @property
    def config_sync(self) -> Document:
        return self.spec.get("configSync") or {}

    @property
    def git(self) -> Document:
        return self.config_sync.get("git") or {}

    @property
    def cluster_key(self) -> str:
        return f"{self.cluster.location}/{self.cluster.name}"


def tick(world: World) -> None:
    """One pass over all memberships."""
    with world.store.transaction():
        members = list(_members(world))
        heads: dict[tuple[str, str, str], str | SyncError] = {}
        for member in members:
            _sync(member, heads)
        _clean_up(world, members)


def _members(world: World) -> Iterator[Member]:
    feature = world.store.get(FEATURES, "configmanagement") or {}
    for path, spec in sorted((feature.get("membershipSpecs") or {}).items()):
        wanted = spec.get("configmanagement") or {}
        config_sync = wanted.get("configSync") or {}
        where = platform.cluster_of_membership(world, path)
        if where and config_sync.get("enabled", bool((config_sync.get("git") or {}).get("syncRepo"))):
            key = platform.membership_key(path)
            yield Member(key=key, cluster=KubeCluster(world, *where), spec=wanted)


def _sync(member: Member, heads: dict[tuple[str, str, str], str | SyncError]) -> None:
    world = member.cluster.world
    found = world.store.get(CLUSTERS, member.cluster_key) or {}
    running = found.get("status") in {"RUNNING", "RECONCILING"}
    membership = world.store.get(MEMBERSHIPS, member.key) or {}
    if not running or membership.get("state", {}).get("code") != "READY":
        return
    state = world.store.get(SYNC_STATES, member.key)
    now = world.clock.timestamp()
    if state is None:
        due = now + stages.seconds(world, "config-sync-install", member.key)
        _put_state(
            member,
            rootsync.membership_state(member.spec, member.name, installed=False, at=""),
            _installAt=due,
        )
    elif "_installAt" in state:
        if now >= state["_installAt"] and member.cluster.get("namespaces", "", "default"):
            platform.install(member.cluster, SYNC_KINDS)
            at = rfc3339(world.clock.now())
            _put_state(member, rootsync.membership_state(member.spec, member.name, installed=True, at=at))
    else:
        rootsync.ensure(member.cluster, member.config_sync)
        if not member.config_sync.get("stopSyncing"):
            _follow(member, state, heads)


def _follow(member: Member, state: Document, heads: dict[tuple[str, str, str], str | SyncError]) -> None:
    """Fetch when it is time to poll, apply what was fetched, keep what was applied."""
    world = member.cluster.world
    if state["membershipSpec"] != member.spec:
        state = {**state, "membershipSpec": member.spec, "_fetched": ""}
        world.store.put(SYNC_STATES, member.key, state)
    if _time_to_poll(member):
        state = _fetch(member, state, heads)
    if state.get("_applyAt") and world.clock.timestamp() >= state["_applyAt"]:
        state = _apply(member, state)
    if (declared := state.get("_declared") or state.get("_applied")) and not state.get("_applyAt"):
        _revert_drift(member, declared, failed=bool(state.get("_failed")))


def _time_to_poll(member: Member) -> bool:
    world = member.cluster.world
    if faults.first(world, "config-sync-stalled", cluster=member.cluster_key, region=member.cluster.location):
        return False
    period = float(member.git.get("syncWaitSecs") or POLL_S)
    offset = stages.phase(world, period, f"poll/{member.key}")
    slot = int((world.clock.timestamp() + offset) // period)
    polled = _memory(world).polled
    if polled.get(member.key) == slot:
        return False
    polled[member.key] = slot
    return True


def _fetch(member: Member, state: Document, heads: dict[tuple[str, str, str], str | SyncError]) -> Document:
    git, world = member.git, member.cluster.world
    wanted = (git.get("syncRepo", ""), git.get("syncBranch") or "master", git.get("syncRev") or "HEAD")
    if wanted not in heads:
        try:
            heads[wanted] = gitsource.head(*wanted)
        except SyncError as e:
            heads[wanted] = e
    found = badcommit.as_fetched(member.cluster, git, heads[wanted])
    if isinstance(found, SyncError):
        return _fail(member, state, [found], fetched=state.get("_fetched", ""), stage="source")
    if found == state.get("_fetched") and not state.get("_failed"):
        return state
    if found == state.get("_fetched") and state.get("_applyAt"):
        return state
    due = world.clock.timestamp() + stages.seconds(world, "config-sync-apply", f"{member.key}/{found}")
    rest = {k: v for k, v in state.items() if k != "_failed" or found == state.get("_fetched")}
    pending = {"code": "PENDING", "errors": []} if not rest.get("_failed") else {}
    shown = _shown(rest, sourceToken=found, importToken=found, **pending)
    state = {**shown, "_fetched": found, "_applyAt": due}
    world.store.put(SYNC_STATES, member.key, state)
    if not state.get("_failed"):
        rootsync.write_status(
            member.cluster, fetched=found, synced=state.get("_applied", ""), errors=[], stage="sync"
        )
    return state


def _apply(member: Member, state: Document) -> Document:
    """Apply the fetched commit, prune what left it, and report."""
    world, commit = member.cluster.world, state["_fetched"]
    try:
        wanted = _declared(member, commit)
    except SyncError as e:
        return _fail(member, state, [e], fetched=commit, stage="source")
    kept = [inventory.identity(kind, body) for kind, body in wanted]
    if not kept and (managed := len(inventory.read(member.cluster))):
        text = f"mounted git repo appears to contain no managed configs; refusing to delete {managed}"
        return _fail(member, state, [SyncError("2006", text)], fetched=commit, stage="source")
    failures = [f for kind, body in wanted if (f := _apply_one(member, kind, body))]
    inventory.replace(member.cluster, kept)
    state = {**state, "_declared": commit}  # what of it could be applied is held against drift
    if failures:
        return _fail(member, state, failures, fetched=commit, stage="sync")
    now = world.clock.now()
    at = rfc3339(now)
    shown = _shown(state, code="SYNCED", syncToken=commit, lastSync=at, lastSyncTime=at, errors=[])
    state = {k: v for k, v in shown.items() if k not in {"_applyAt", "_failed"}} | {"_applied": commit}
    world.store.put(SYNC_STATES, member.key, state)
    rootsync.write_status(member.cluster, fetched=commit, synced=commit, errors=[], stage="sync")
    return state


def _fail(
    member: Member, state: Document, failures: list[SyncError], *, fetched: str, stage: str
) -> Document:
    """Report errors; the next poll tries again."""
    bodies = [f.body() for f in failures]
    unreachable = [f for f in failures if f.code == "2004"]
    rest = {k: v for k, v in state.items() if k != "_applyAt"}
    failed = {**_shown(rest, code="ERROR", errors=bodies), "_failed": True}
    if failed == state:
        return state
    member.cluster.world.store.put(SYNC_STATES, member.key, failed)
    stage = "source" if unreachable else stage
    synced = state.get("_applied", "")
    rootsync.write_status(member.cluster, fetched=fetched, synced=synced, errors=bodies, stage=stage)
    return failed


def _declared(member: Member, commit: str) -> tuple[tuple[Resource, Document], ...]:
    git = member.git
    source = gitsource.objects(git.get("syncRepo", ""), commit, git.get("policyDir", ""))
    return declared.chosen(member.cluster, source, member=member.name, commit=commit, git=git)


def _apply_one(member: Member, kind: Resource, body: Document) -> SyncError | None:
    cluster, metadata = member.cluster, body["metadata"]
    namespace = metadata.get("namespace")
    try:
        if namespace and cluster.get("namespaces", "", namespace) is None:
            cluster.create("namespaces", {"metadata": {"name": namespace}})  # namespaceStrategy: implicit
        server_side_apply(cluster, kind, body, manager=MANAGER, force=True, user="root-reconciler")
    except StatusError as e:
        where = f"{namespace}/{metadata['name']}" if namespace else metadata["name"]
        name = f"{kind.kind}.{kind.group}" if kind.group else kind.kind
        path = metadata["annotations"]["configmanagement.gke.io/source-path"]
        return SyncError("2009", f"failed to apply {name}, {where}: {e.message}", source=path, resource=body)
    return None


def _revert_drift(member: Member, commit: str, *, failed: bool) -> None:
    """Declared fields go back within seconds, deleted objects come back. What was checked is remembered by the
    store's version, so a quiet cluster costs a look-up per object. After a sync that failed, what is refused
    waits for the next one."""
    cluster, store = member.cluster, member.cluster.world.store
    checked = _memory(cluster.world).checked
    try:
        wanted = _declared_once(member, commit)
    except SyncError:
        return  # the next fetch reports it
    for kind, body in wanted:
        metadata = body["metadata"]
        key = f"{metadata.get('namespace', '')}/{metadata['name']}"
        where, collection = (member.cluster_key, kind.key, key), cluster.collection(kind.key)
        if checked.get(where) == (store.version_of(collection, key), commit):
            continue
        live = cluster.get(kind.key, metadata.get("namespace", ""), metadata["name"])
        held = live is not None and ("deletionTimestamp" in live["metadata"] or holds(kind, live, body))
        if held or not _apply_one(member, kind, body) or failed:
            checked[where] = (store.version_of(collection, key), commit)


_STAMPED: dict[tuple[str, str], tuple[str, tuple[tuple[Resource, Document], ...]]] = {}  # a cache, by member


def _declared_once(member: Member, commit: str) -> tuple[tuple[Resource, Document], ...]:
    key = (str(member.cluster.world.store.path), member.key)
    mark = f"{commit} {member.git}"
    found = _STAMPED.get(key)
    if found is None or found[0] != mark:
        found = _STAMPED[key] = (mark, _declared(member, commit))
    return found[1]


def _clean_up(world: World, members: list[Member]) -> None:
    """Clusters that Config Sync was taken from, and states of memberships that are gone."""
    inventory.remove_all_but(world, {m.cluster_key for m in members})
    keys = {m.key for m in members}
    for key, _ in world.store.items(SYNC_STATES):
        if key not in keys:
            _remove_root_sync(world, key)
            world.store.delete(SYNC_STATES, key)


def _remove_root_sync(world: World, key: str) -> None:
    where = platform.cluster_of_membership(world, "/locations/" + key.replace("/", "/memberships/", 1))
    if where and (cluster := KubeCluster(world, *where)).resource(rootsync.RESOURCE):
        cluster.delete(rootsync.RESOURCE, declared.NAMESPACE, rootsync.NAME)


def _put_state(member: Member, state: Document, **private: Any) -> None:
    member.cluster.world.store.put(SYNC_STATES, member.key, {**state, **private})


def _shown(state: Document, **changes: Any) -> Document:
    """The state with a changed configSyncState.syncState."""
    config = state["configSyncState"]
    return {**state, "configSyncState": {**config, "syncState": {**config["syncState"], **changes}}}


def _memory(world: World) -> _Memory:
    return _MEMORY.setdefault(world.store, _Memory(polled={}, checked={}))
