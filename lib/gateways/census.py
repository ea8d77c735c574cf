"""Clusters and memberships over REST, in plain JSON: what the dashboard lists while somebody watches the fleet.

Reads only. The controller lists the same over gRPC (`gke`, `hub`), whose clients cost a process 40 MB; a contract test
holds both to the same answers.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from lib.fleet.model import ClusterObservation, MembershipObservation, OperationObservation, SyncError
from lib.gateways import connect
from lib.gateways.errors import AtlasError, NotFound
from lib.gateways.gke import OWNER_LABEL, newest, share_done
from lib.gateways.hub import SYNC, short_name, sync_error
from lib.gateways.kube import Object, rest_get
from lib.gateways.listing import Listing
from lib.gateways.workload import parse_time
from lib.settings import Settings


class CensusGateway:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._beside = ThreadPoolExecutor(1, thread_name_prefix="census")

    def list_clusters(self) -> Listing[ClusterObservation]:
        """As `GkeGateway.list_clusters`: each with its newest unfinished or failed operation where those can be read."""
        operations_later = self._beside.submit(self._container, "operations", "listing cluster operations")
        answer = self._container("clusters", "listing clusters")
        try:
            told = newest([_operation(one) for one in operations_later.result().get("operations") or []])
        except AtlasError:
            told = {}
        found = answer.get("clusters") or []
        return Listing(
            tuple(_cluster(one, told.get((one.get("location", ""), one["name"]))) for one in found),
            frozenset(answer.get("missingZones") or ()),
        )

    def list_memberships(self) -> Listing[MembershipObservation]:
        """As `HubGateway.list_memberships`: all of them with their Config Sync spec and state."""
        feature_later = self._beside.submit(self._sync_feature)
        items, unknown, page = [], set[str](), ""
        while True:
            answer = self._hub(f"locations/-/memberships?pageToken={page}", "listing fleet memberships")
            items += answer.get("resources") or []
            unknown |= {place.rpartition("/")[2] for place in answer.get("unreachable") or []}
            if not (page := answer.get("nextPageToken") or ""):
                break
        feature = feature_later.result()
        specs = {short_name(k): v for k, v in (feature.get("membershipSpecs") or {}).items()}
        states = {short_name(k): v for k, v in (feature.get("membershipStates") or {}).items()}
        told = (_membership(m, specs, states) for m in items)
        return Listing(tuple(told), frozenset(unknown))

    def _container(self, what: str, doing: str) -> Object:
        host = connect.endpoints(self._settings).container_rest or "container.googleapis.com"
        url = f"https://{host}/v1/projects/{self._settings.project}/locations/-/{what}"
        return rest_get(self._settings, url, doing=doing)

    def _hub(self, what: str, doing: str) -> Object:
        host = connect.endpoints(self._settings).gkehub_rest or "gkehub.googleapis.com"
        return rest_get(
            self._settings, f"https://{host}/v1/projects/{self._settings.project}/{what}", doing=doing
        )

    def _sync_feature(self) -> Object:
        try:
            return self._hub(f"locations/global/features/{SYNC}", f"reading the fleet feature {SYNC}")
        except NotFound:
            return {}


def _cluster(found: Object, operation: OperationObservation | None) -> ClusterObservation:
    said = [one["message"] for one in found.get("conditions") or [] if one.get("message")]
    labels = found.get("resourceLabels") or {}
    return ClusterObservation(
        name=found["name"],
        region=found.get("location", ""),
        status=found.get("status", "STATUS_UNSPECIFIED"),
        owned=labels.get(OWNER_LABEL[0]) == OWNER_LABEL[1],
        message=found.get("statusMessage") or (said[0] if said else ""),
        version=found.get("currentMasterVersion", ""),
        created_at=parse_time(found.get("createTime")),
        endpoint=found.get("endpoint", ""),
        ca_certificate=(found.get("masterAuth") or {}).get("clusterCaCertificate", ""),
        labels=dict(labels),
        operation=operation,
    )


def _operation(found: Object) -> OperationObservation:
    status = found.get("status", "STATUS_UNSPECIFIED")
    metrics = (found.get("progress") or {}).get("metrics") or []
    error = (found.get("error") or {}).get("message", "")
    return OperationObservation(
        name=found["name"],
        kind=found.get("operationType", "TYPE_UNSPECIFIED"),
        status=status,
        target=found.get("targetLink", "").partition("/clusters/")[2].partition("/")[0],
        region=found.get("location") or found.get("zone", ""),
        started_at=parse_time(found.get("startTime")),
        ended_at=parse_time(found.get("endTime")),
        progress=share_done(status, {one["name"]: int(one.get("intValue", 0)) for one in metrics}),
        error=error or (found.get("statusMessage", "") if status == "ABORTING" else ""),
    )


def _membership(found: Object, specs: Object, states: Object) -> MembershipObservation:
    link = ((found.get("endpoint") or {}).get("gkeCluster") or {}).get("resourceLink", "")
    location = found["name"].partition("/locations/")[2]
    spec, state = specs.get(short_name(found["name"])), states.get(short_name(found["name"]))
    directory = _directory(spec)
    code, commit, errors = ("", "", ()) if directory is None else _sync(state)
    return MembershipObservation(
        name=found["name"],
        cluster=link.partition("/clusters/")[2] or found["name"].rpartition("/")[2],
        region=link.partition("/locations/")[2].partition("/")[0] or location.partition("/")[0],
        state=(found.get("state") or {}).get("code", "CODE_UNSPECIFIED"),
        owned=(found.get("labels") or {}).get(OWNER_LABEL[0]) == OWNER_LABEL[1],
        sync_directory=directory,
        sync_code=code,
        sync_commit=commit,
        sync_errors=errors,
        synced_at=parse_time(_within(state, *_SYNC_STATE).get("lastSyncTime")) if commit else None,
    )


_SYNC_STATE = ("configmanagement", "configSyncState", "syncState")


def _directory(spec: Any) -> str | None:
    git = _within(spec, "configmanagement", "configSync", "git")
    return git.get("policyDir", "") if git.get("syncRepo") else None


def _sync(state: Any) -> tuple[str, str, tuple[SyncError, ...]]:
    """As `hub` tells it: one word, the applied commit, the errors."""
    told = _within(state, "configmanagement")
    if not told.get("clusterName") and not told.get("configSyncState"):
        return "PENDING", "", ()
    seen = _within(told, "configSyncState")
    sync = _within(seen, "syncState")
    installed = seen.get("state", "").removeprefix("CONFIG_SYNC_")
    code = sync.get("code", "").removesuffix("_UNSPECIFIED")
    errors = [
        sync_error(one.get("code", ""), one.get("errorMessage", "")) for one in sync.get("errors") or []
    ]
    errors += [
        SyncError(code="INSTALL", message=one.get("errorMessage", "")) for one in seen.get("errors") or []
    ]
    if installed in {"NOT_INSTALLED", "PENDING", "ERROR"} or code in {"", "SYNC_CODE"}:
        code = installed if installed in {"NOT_INSTALLED", "ERROR"} else "PENDING"
    return code, sync.get("syncToken", ""), tuple(errors)


def _within(found: Any, *names: str) -> Object:
    for name in names:
        found = (found or {}).get(name)
    return found or {}
