"""How Config Sync tells where it stands: the RootSync object in the cluster and the fleet's MembershipState."""

from __future__ import annotations

from typing import Any

from lib.sandbox.kube.declared import NAMESPACE
from lib.sandbox.kube.objects import rfc3339
from lib.sandbox.kube.storage import KubeCluster

Document = dict[str, Any]
RESOURCE, NAME = "rootsyncs.configsync.gke.io", "root-sync"
VERSION = "1.23.0"
_PARTS = (
    "importer",
    "syncer",
    "gitSync",
    "monitor",
    "reconcilerManager",
    "rootReconciler",
    "admissionWebhook",
)


def membership_state(spec: Document, name: str, *, installed: bool, at: str) -> Document:
    """MembershipState of the configmanagement feature, before the first sync."""
    state = "CONFIG_SYNC_INSTALLED" if installed else "CONFIG_SYNC_PENDING"
    sync: Document = {"state": state, "syncState": {"code": "PENDING" if installed else "NOT_INSTALLED"}}
    if installed:
        sync["version"] = dict.fromkeys(_PARTS, VERSION)
        sync["deploymentState"] = dict.fromkeys(_PARTS[:-1], "INSTALLED") | {
            "admissionWebhook": "NOT_INSTALLED"
        }
        sync |= {"rootsyncCrd": "INSTALLED", "reposyncCrd": "INSTALLED"}
        sync["syncState"]["lastSync"] = at
    operator = {"version": VERSION, "deploymentState": "INSTALLED" if installed else "PENDING"}
    return {
        "clusterName": name,
        "membershipSpec": spec,
        "operatorState": operator,
        "configSyncState": sync,
    }


def ensure(cluster: KubeCluster, config_sync: Document) -> None:
    """The namespace and the RootSync, with the spec that the fleet gives it."""
    if cluster.get("namespaces", "", NAMESPACE) is None:
        cluster.create("namespaces", {"metadata": {"name": NAMESPACE}})
    git = config_sync.get("git") or {}
    spec = {
        "sourceFormat": config_sync.get("sourceFormat") or "hierarchy",
        "sourceType": "git",
        "git": {
            "repo": git.get("syncRepo", ""),
            "branch": git.get("syncBranch") or "master",
            "revision": git.get("syncRev") or "HEAD",
            "dir": git.get("policyDir", ""),
            "period": f"{git.get('syncWaitSecs') or 15}s",
            "auth": git.get("secretType") or "none",
        },
    }
    found = cluster.get(RESOURCE, NAMESPACE, NAME)
    if found is None:
        cluster.create(RESOURCE, {"metadata": {"name": NAME}, "spec": spec}, NAMESPACE)
    elif found["spec"] != spec:
        cluster.mutate(RESOURCE, NAMESPACE, NAME, lambda body: body.update(spec=spec))


def write_status(
    cluster: KubeCluster, *, fetched: str, synced: str, errors: list[Document], stage: str
) -> None:
    """`stage` is where the errors are, if any: source or sync. While `fetched` is not `synced` it is Syncing."""
    found = cluster.get(RESOURCE, NAMESPACE, NAME)
    if found is None:
        return
    now, before = rfc3339(cluster.world.clock.now()), found.get("status") or {}
    done = fetched == synced or bool(errors)
    at_source, at_sync = (errors if stage == s else [] for s in ("source", "sync"))
    git = {k: found["spec"]["git"][k] for k in ("repo", "branch", "revision", "dir")}
    status: Document = {
        "observedGeneration": found["metadata"]["generation"],
        "reconciler": "root-reconciler",
        "lastSyncedCommit": synced,
        "source": _stage(git, fetched, at_source, now),
        "rendering": {**_stage(git, fetched, [], now), "message": "Rendering not required"},
        "sync": _stage(git, synced if not at_sync else fetched, at_sync, now),
        "conditions": [
            _condition(before, now, "Reconciling", true=False, reason="Reconciler"),
            _condition(before, now, "Stalled", true=False),
            {
                **_condition(
                    before, now, "Syncing", true=not done, reason="Source" if at_source else "Sync",
                    message="Sync Completed" if done else "Syncing", commit=fetched,
                ),
                "errorSourceRefs": [f"{stage.capitalize()}Error"] if errors else [],
                "errorSummary": _summary(errors),
            },
        ],
    }  # fmt: skip
    if _timeless(status) != _timeless(before):
        cluster.mutate(RESOURCE, NAMESPACE, NAME, lambda body: body.update(status=status))


def _timeless(status: Any) -> Any:
    """What a reconciler compares before it writes: a status that says the same once more is not written."""
    if isinstance(status, dict):
        return {k: _timeless(v) for k, v in status.items() if k not in {"lastUpdate", "lastUpdateTime"}}
    return [_timeless(v) for v in status] if isinstance(status, list) else status


def _stage(git: Document, commit: str, errors: list[Document], now: str) -> Document:
    found: Document = {
        "gitStatus": git,
        "commit": commit,
        "lastUpdate": now,
        "errorSummary": _summary(errors),
    }
    if errors:
        found["errors"] = [_error(e) for e in errors]
    return found


def _error(error: Document) -> Document:
    """The RootSync names the same facts a little differently than the fleet does."""
    resources = [
        {"sourcePath": r["sourcePath"], "name": r["resourceName"], "namespace": r["resourceNamespace"],
         "gvk": r["resourceGvk"]}
        for r in error.get("errorResources", ())
    ]  # fmt: skip
    return {"code": error["code"], "errorMessage": error["errorMessage"], "errorResources": resources}


def _summary(errors: list[Document]) -> Document:
    return {"totalCount": len(errors), "truncated": False, "errorCountAfterTruncation": len(errors)}


def _condition(  # noqa: PLR0913 - a condition has that many fields
    before: Document,
    now: str,
    type_: str,
    *,
    true: bool,
    reason: str = "",
    message: str = "",
    commit: str = "",
) -> Document:
    found = next((c for c in before.get("conditions") or () if c["type"] == type_), None)
    since = found["lastTransitionTime"] if found and found["status"] == str(true) else now
    condition = {
        "type": type_, "status": str(true), "reason": reason, "message": message, "commit": commit,
        "lastUpdateTime": now, "lastTransitionTime": since,
    }  # fmt: skip
    return {k: v for k, v in condition.items() if v != ""}
