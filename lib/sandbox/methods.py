"""The table of the sandbox's protobuf methods: which verb answers which method of which API, by either door.

Message classes come from Google's own packages. The one module that imports them, for they are heavy.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import google.cloud
from google.longrunning import operations_pb2
from google.protobuf import empty_pb2

from lib.sandbox import gke, hub, hub_operations, memberships, monitoring
from lib.sandbox.verbs import Call, Verb


def _types_only(package: str, *modules: str) -> list[ModuleType]:
    """Import message modules of a google.cloud package without its clients, which cost 35 MB that nothing here
    uses: a bare stand-in for the package while its submodules load. Afterwards anyone may import the whole."""
    full = f"google.cloud.{package}"
    if full not in sys.modules:
        bare = ModuleType(full)
        bare.__path__ = [str(Path(place) / package) for place in google.cloud.__path__]
        sys.modules[full] = bare
    else:
        bare = None
    found = [importlib.import_module(f"{full}.types.{module}") for module in modules]
    if bare is not None:
        del sys.modules[full]
    return found


(gke_types,) = _types_only("container_v1", "cluster_service")
feature_types, membership_types, hub_types = _types_only("gkehub_v1", "feature", "membership", "service")
(monitoring_types,) = _types_only("monitoring_v3", "metric_service")

_AT = "/v1/{parent=projects/*/locations/*}"
_ZONE = "projects/*/locations/*"


def all_verbs() -> tuple[Verb, ...]:
    return (*_hub(), *_hub_operations(), *_container(), *_monitoring())


def _container() -> tuple[Verb, ...]:
    t, operation = gke_types, gke_types.Operation
    row = _rows("container", "google.container.v1.ClusterManager", "container")
    cluster, op = f"/v1/{{name={_ZONE}/clusters/*}}", f"/v1/{{name={_ZONE}/operations/*}}"
    return (
        row("CreateCluster", "POST", f"{_AT}/clusters", t.CreateClusterRequest, operation, gke.create_cluster,
            "clusters.create", body="*"),
        row("GetCluster", "GET", cluster, t.GetClusterRequest, t.Cluster, gke.get_cluster, "clusters.get"),
        row("ListClusters", "GET", f"{_AT}/clusters", t.ListClustersRequest, t.ListClustersResponse,
            gke.list_clusters, "clusters.list"),
        row("DeleteCluster", "DELETE", cluster, t.DeleteClusterRequest, operation, gke.delete_cluster,
            "clusters.delete"),
        row("GetOperation", "GET", op, t.GetOperationRequest, operation, gke.get_operation, "operations.get"),
        row("ListOperations", "GET", f"{_AT}/operations", t.ListOperationsRequest, t.ListOperationsResponse,
            gke.list_operations, "operations.list"),
        row("CancelOperation", "POST", f"{op}:cancel", t.CancelOperationRequest, empty_pb2.Empty,
            gke.cancel_operation, "operations.cancel", body="*"),
        row("GetServerConfig", "GET", f"/v1/{{name={_ZONE}}}/serverConfig", t.GetServerConfigRequest,
            t.ServerConfig, gke.get_server_config, "clusters.list"),
    )  # fmt: skip


def _hub() -> tuple[Verb, ...]:
    t, operation = hub_types, operations_pb2.Operation
    row = _rows("gkehub", "google.cloud.gkehub.v1.GkeHub", "gkehub")
    member, feature = f"/v1/{{name={_ZONE}/memberships/*}}", f"/v1/{{name={_ZONE}/features/*}}"
    membership_type, feature_type = membership_types.Membership, feature_types.Feature
    return (
        row("CreateMembership", "POST", f"{_AT}/memberships", t.CreateMembershipRequest, operation,
            memberships.create_membership, "memberships.create", body="resource"),
        row("GetMembership", "GET", member, t.GetMembershipRequest, membership_type, memberships.get_membership,
            "memberships.get"),
        row("ListMemberships", "GET", f"{_AT}/memberships", t.ListMembershipsRequest, t.ListMembershipsResponse,
            memberships.list_memberships, "memberships.list"),
        row("UpdateMembership", "PATCH", member, t.UpdateMembershipRequest, operation, memberships.update_membership,
            "memberships.update", body="resource"),
        row("DeleteMembership", "DELETE", member, t.DeleteMembershipRequest, operation, memberships.delete_membership,
            "memberships.delete"),
        row("CreateFeature", "POST", f"{_AT}/features", t.CreateFeatureRequest, operation, hub.create_feature,
            "features.create", body="resource"),
        row("GetFeature", "GET", feature, t.GetFeatureRequest, feature_type, hub.get_feature, "features.get"),
        row("ListFeatures", "GET", f"{_AT}/features", t.ListFeaturesRequest, t.ListFeaturesResponse,
            hub.list_features, "features.list"),
        row("UpdateFeature", "PATCH", feature, t.UpdateFeatureRequest, operation, hub.update_feature,
            "features.update", body="resource"),
        row("DeleteFeature", "DELETE", feature, t.DeleteFeatureRequest, operation, hub.delete_feature,
            "features.delete"),
    )  # fmt: skip


def _hub_operations() -> tuple[Verb, ...]:
    # Before the Container API's: the first match answers, and those names begin otherwise.
    row = _rows("gkehub", "google.longrunning.Operations", "gkehub")
    path = f"/v1/{{name={_ZONE}/operations/hub-*}}"
    get, operation = operations_pb2.GetOperationRequest, operations_pb2.Operation
    return (row("GetOperation", "GET", path, get, operation, hub_operations.get_operation, "operations.get"),)


def _monitoring() -> tuple[Verb, ...]:
    t = monitoring_types
    row = _rows("monitoring", "google.monitoring.v3.MetricService", "monitoring")
    request, response = t.ListTimeSeriesRequest, t.ListTimeSeriesResponse
    return (
        row("ListTimeSeries", "", "", request, response, monitoring.list_time_series, "timeSeries.list"),
    )  # fmt: skip


def _rows(api: str, service: str, prefix: str) -> Callable[..., Verb]:
    def row(  # noqa: PLR0913, PLR0917 - a row of a table, in the order of its columns
        method: str,
        http: str,
        path: str,
        request: Any,
        response: Any,
        call: Call,
        permission: str,
        body: str = "",
    ) -> Verb:
        return Verb(
            api=api,
            service=service,
            method=method,
            http=http,
            path=path,
            request=_message(request),
            response=_message(response),
            call=call,
            permission=f"{prefix}.{permission}",
            body=body,
            writes=not method.startswith(("Get", "List")),
        )

    return row


def _message(kind: Any) -> Any:
    """The plain protobuf class inside a proto-plus class."""
    return kind.pb() if hasattr(kind, "pb") else kind
