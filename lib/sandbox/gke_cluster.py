"""What an Autopilot cluster is made of: which wishes GKE accepts, and the document that a new cluster begins as."""

from __future__ import annotations

import hashlib
import random
import re
import uuid
from collections.abc import Mapping
from typing import Any

from lib.sandbox import catalog
from lib.sandbox.errors import ApiError
from lib.sandbox.store import Document
from lib.sandbox.verbs import own_project, rfc3339
from lib.sandbox.world import World

API = "https://container.googleapis.com/v1"
CHANNELS = {
    "RAPID": ("1.36.0-gke.4681000", "1.36.4-gke.1247000"),
    "REGULAR": ("1.35.6-gke.1049000", "1.36.0-gke.4681000"),
    "STABLE": ("1.35.2-gke.1842000", "1.35.6-gke.1049000"),
    "EXTENDED": ("1.35.2-gke.1842000", "1.35.6-gke.1049000"),
}
_ALWAYS = {  # on Autopilot, whatever was asked
    "addonsConfig": {
        "dnsCacheConfig": {"enabled": True},
        "gcePersistentDiskCsiDriverConfig": {"enabled": True},
        "gcpFilestoreCsiDriverConfig": {"enabled": True},
        "gcsFuseCsiDriverConfig": {"enabled": True},
        "networkPolicyConfig": {"disabled": True},
    },
    "autoscaling": {"autoscalingProfile": "OPTIMIZE_UTILIZATION", "enableNodeAutoprovisioning": True},
    "shieldedNodes": {"enabled": True},
    "verticalPodAutoscaling": {"enabled": True},
}
NETWORK = "default"
_NAME = re.compile(r"[a-z]([-a-z0-9]{0,38}[a-z0-9])?")
_NOT_ON_AUTOPILOT = ("networkPolicy", "defaultMaxPodsConstraint", "binaryAuthorization", "shieldedNodes")


def checked_name(wanted: Mapping[str, Any]) -> str:
    name = wanted.get("name") or ""
    if not _NAME.fullmatch(name):
        raise ApiError(
            "INVALID_ARGUMENT",
            f'Invalid value for field "cluster.name": "{name}". Must be a match of regex '
            "'(?:[a-z](?:[-a-z0-9]{0,38}[a-z0-9])?)' (at most 40 characters).",
            reason="badRequest",
        )
    return name


def check_autopilot(world: World, location: str, wanted: Mapping[str, Any]) -> None:
    if location not in catalog.REGIONS:
        raise ApiError(
            "INVALID_ARGUMENT", "Autopilot clusters must be regional clusters.", reason="badRequest"
        )
    if not (wanted.get("autopilot") or {}).get("enabled"):
        raise ApiError(
            "INVALID_ARGUMENT",
            'Invalid value for field "cluster.autopilot.enabled": only Autopilot clusters are available here.',
            reason="badRequest",
        )
    refused = [f for f in _NOT_ON_AUTOPILOT if (wanted.get(f) or {}).get("enabled")]
    if (wanted.get("autoscaling") or {}).get("enableNodeAutoprovisioning"):
        refused.append("autoscaling.enableNodeAutoprovisioning")
    if refused:
        raise ApiError(
            "INVALID_ARGUMENT",
            f'Autopilot clusters do not support the field "cluster.{refused[0]}".',
            reason="badRequest",
        )
    _check_network(world, location, wanted)
    if not _version(wanted):
        text = f'Master version "{wanted["initialClusterVersion"]}" is unsupported.'
        raise ApiError("INVALID_ARGUMENT", text, reason="badRequest")
    fleet = (wanted.get("fleet") or {}).get("project")
    if fleet:
        own_project(world, fleet.removeprefix("projects/"), "gkehub.memberships.create")


def _check_network(world: World, location: str, wanted: Mapping[str, Any]) -> None:
    """There is one network, with a subnetwork in each region."""
    kinds = {"network": "", "subnetwork": f' in region "{location}"'}
    for kind, where in kinds.items():
        name = (wanted.get(kind) or NETWORK).rsplit("/", 1)[-1]
        if name != NETWORK:
            text = f'Project "{world.project}" has no {kind} named "{name}"{where}.'
            raise ApiError("INVALID_ARGUMENT", text, reason="badRequest")


def _channel(wanted: Mapping[str, Any]) -> str:
    channel = (wanted.get("releaseChannel") or {}).get("channel")
    return channel if channel in CHANNELS else "REGULAR"


def _version(wanted: Mapping[str, Any]) -> str:
    """The channel's default, or the newest that is meant by a version, its beginning or "latest"; "" for none."""
    asked = wanted.get("initialClusterVersion") or "-"
    if asked == "-":
        return CHANNELS[_channel(wanted)][0]
    known = sorted({v for pair in CHANNELS.values() for v in pair})
    meant = [v for v in known if asked in ("latest", v) or v.startswith((f"{asked}.", f"{asked}-"))]
    return meant[-1] if meant else ""


def new_cluster(world: World, location: str, wanted: Mapping[str, Any]) -> Document:
    name = wanted["name"]
    now = rfc3339(world.clock.timestamp())
    channel, version = _channel(wanted), _version(wanted)
    block = random.Random(f"{world.seed}/{location}/{name}").randrange(4, 250)
    labels = dict(wanted.get("resourceLabels") or {})
    network = (wanted.get("network") or NETWORK).rsplit("/", 1)[-1]
    subnetwork = (wanted.get("subnetwork") or NETWORK).rsplit("/", 1)[-1]
    identity = str(uuid.UUID(int=world.rng.getrandbits(128), version=4))
    return {
        "name": name,
        "description": wanted.get("description", ""),
        "id": identity.replace("-", ""),
        "status": "PROVISIONING",
        "location": location,
        "locations": list(catalog.zones(location)),
        "zone": location,
        "selfLink": f"{API}/projects/{world.project}/locations/{location}/clusters/{name}",
        "createTime": now,
        "network": network,
        "subnetwork": subnetwork,
        "clusterIpv4Cidr": f"10.{block}.0.0/17",
        "servicesIpv4Cidr": "34.118.224.0/20",
        "autopilot": {"enabled": True},
        "releaseChannel": {"channel": channel},
        "initialClusterVersion": version,
        "currentMasterVersion": version,
        "currentNodeVersion": version,
        "resourceLabels": labels,
        "fleet": {k: v for k, v in (wanted.get("fleet") or {}).items() if k == "project"},
        "workloadIdentityConfig": {"workloadPool": f"{world.project}.svc.id.goog"},
        "ipAllocationPolicy": {"useIpAliases": True, "clusterIpv4CidrBlock": f"10.{block}.0.0/17"},
        "networkConfig": {
            "network": f"projects/{world.project}/global/networks/{network}",
            "subnetwork": f"projects/{world.project}/regions/{location}/subnetworks/{subnetwork}",
            "datapathProvider": "ADVANCED_DATAPATH",
        },
        "loggingService": "logging.googleapis.com/kubernetes",
        "monitoringService": "monitoring.googleapis.com/kubernetes",
        "labelFingerprint": hashlib.sha256(str(sorted(labels.items())).encode()).hexdigest()[:8],
        **_ALWAYS,
    }
