"""Kubernetes' and the autoscaler's words in one plain sentence each, and this platform's actions likewise.

The original text is always kept beside the sentence by whoever shows it; nothing here is parsed back.
Event texts: see the reference's table of what a pod that can't get a GPU looks like.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import datetime

from lib.fleet import catalog
from lib.fleet.model import (
    Action,
    AttachBackend,
    CommitWorkload,
    ConfigureSync,
    CreateCluster,
    DeleteCluster,
    DetachBackend,
    Entry,
    EventObservation,
    ExpireOverride,
    Override,
    Provisioning,
    RemoveWorkload,
    Rollout,
)

OUT_OF_RESOURCES = "GCE out of resources"
QUOTA_EXCEEDED = "GCE quota exceeded"
SELECTOR_MISMATCH = "didn't match Pod's node affinity/selector"
IN_BACKOFF = "in backoff after failed scale-up"

_SCALE_UP_REASONS: tuple[tuple[str, str], ...] = (
    (OUT_OF_RESOURCES, "Google is out of stock there"),
    ("INSUFFICIENT_CAPACITY", "Google is out of stock there"),
    ("RESOURCE_POOL_EXHAUSTED", "Google is out of stock there"),
    (QUOTA_EXCEEDED, "the project's GPU quota is used up"),
    ("QUOTA", "the project's GPU quota is used up"),
    ("IP space exhausted", "the subnet has no free addresses"),
    ("Service Account was deleted", "the nodes' service account was deleted"),
    ("failed to appear in time", "the machine was made but never joined the cluster"),
    ("eservation", "the reservation can't be used"),
    ("Internal error", "Google reports an internal error"),
)
_NOT_SCALED_REASONS: tuple[tuple[str, str], ...] = (
    (IN_BACKOFF, "the autoscaler waits before it tries again after a failure"),
    (SELECTOR_MISMATCH, "no machine in this region can carry the GPU that is asked for"),
    ("max node group size reached", "the node group is at its maximum"),
    ("untolerated taint", "the pod doesn't tolerate the nodes that could be added"),
    ("Insufficient", "a new node would be too small for the pod"),
    ("max cluster", "the cluster is at its limit of CPU or memory"),
)
_ZONE = re.compile(r"zones/([a-z0-9-]+)/")
_ZONES = re.compile(r"in zones? ([a-z0-9, -]+?) associated")


def about(region: str, sentence: str) -> str:
    """The sentence with its region before it, unless it names it itself."""
    return sentence if not region or region in sentence else f"{region}: {sentence}"


def zones_of(message: str) -> tuple[str, ...]:
    """The zones an autoscaler message names, in its order, each once."""
    listed = _ZONES.search(message)
    found = re.split(r",\s*", listed.group(1)) if listed else _ZONE.findall(message)
    return tuple(dict.fromkeys(z.strip() for z in found if z.strip()))


def is_stock_out(message: str) -> bool:
    return any(
        mark in message for mark in (OUT_OF_RESOURCES, "RESOURCE_POOL_EXHAUSTED", "INSUFFICIENT_CAPACITY")
    )


def is_quota(message: str) -> bool:
    return "quota" in message.lower()


def explain(event: EventObservation) -> str:
    """One sentence for an event; unknown reasons keep their own text."""
    say = _EVENTS.get(event.reason)
    return say(event.message) if say else event.message.strip() or event.reason


def _failed_scale_up(message: str) -> str:
    return f"No GPU machine{_in_zones(message)}: {_first(_SCALE_UP_REASONS, message, 'the scale-up failed')}."


def _not_scaled(message: str) -> str:
    return f"No new machine is being added: {_first(_NOT_SCALED_REASONS, message, 'no node group fits')}."


def _pulled(message: str) -> str:
    took = re.search(r"in ([\d.]+)\s*s", message)
    return f"The image is on the node{f' after {took.group(1)} s' if took else ''}."


def _in_zones(message: str) -> str:
    zones = zones_of(message)
    return f" in {'zone' if len(zones) == 1 else 'zones'} {', '.join(zones)}" if zones else ""


def _first(table: Iterable[tuple[str, str]], message: str, otherwise: str) -> str:
    return next((words for mark, words in table if mark in message), otherwise)


def _fixed(sentence: str) -> Callable[[str], str]:
    return lambda _message: sentence


_EVENTS: dict[str, Callable[[str], str]] = {
    "FailedScheduling": _fixed("No node with the wanted GPU is free; the autoscaler is asked for one."),
    "TriggeredScaleUp": lambda m: f"A GPU machine was asked for{_in_zones(m)}.",
    "FailedScaleUp": _failed_scale_up,
    "NotTriggerScaleUp": _not_scaled,
    "Scheduled": _fixed("The pod has a GPU node."),
    "Pulling": _fixed("The node is fetching the image."),
    "Pulled": _pulled,
    "Created": _fixed("The container was created."),
    "Started": _fixed("The container started; the model is being loaded."),
    "Unhealthy": _fixed("The pod runs but doesn't answer its health check yet."),
    "BackOff": _fixed("The container keeps ending; Kubernetes waits before it starts it again."),
    "Preempted": _fixed("Google took the Spot machine back."),
    "NodeNotReady": _fixed("The pod's node stopped answering."),
    "TaintManagerEviction": _fixed("The pod was evicted, because its node is gone or going."),
    "FailedCreate": _fixed("Kubernetes refused to create the pod; its spec breaks a rule of Autopilot."),
    "Killing": _fixed("The pod is being stopped."),
    "ScalingReplicaSet": _fixed("The Deployment is changing its pods."),
    "SuccessfulCreate": _fixed("A pod was created."),
    "SuccessfulDelete": _fixed("A pod was deleted."),
}


def describe(action: Action) -> str:
    """What an action does, without its reason."""
    match action:
        case CreateCluster():
            said = f"Create cluster {action.cluster} in {action.region}"
        case ConfigureSync():
            said = f"Point Config Sync of {action.cluster} at clusters/{action.cluster}/"
        case CommitWorkload():
            how = "Recreate" if action.rollout is Rollout.HARD else "RollingUpdate"
            gpu = f"{catalog.short(action.accelerator)} {action.provisioning.value}"
            past = f" as {action.commit[:7]} held it" if action.commit else ""
            said = f"Commit clusters/{action.cluster}/{past} with {gpu}, {how}"
        case AttachBackend():
            said = f"Link {action.region}/{action.cluster} in the MultiClusterService"
        case DetachBackend():
            said = f"Unlink {action.region}/{action.cluster} from the MultiClusterService"
        case RemoveWorkload():
            said = f"Drop clusters/{action.cluster}/ and its Config Sync setting"
        case DeleteCluster():
            said = f"Delete cluster {action.cluster} in {action.region}"
        case ExpireOverride():
            where = action.override.region or "every region"
            gpu, commit = catalog.short(action.override.accelerator), action.override.commit
            said = f"End the {f'roll back to {commit[:7]}' if commit else f'switch to {gpu}'} in {where}"
    return said


def by_body(entry: Entry) -> str:
    """A journal entry whose facts are all in its body, in one sentence; "" for the other kinds."""
    body = entry.body
    if entry.kind == "attempt":
        gpu, zone = catalog.short(str(body.get("accelerator", ""))), body.get("zone")
        where = f" in {zone}" if zone else ""
        return f"{gpu} {body.get('provisioning', '')}: {body.get('outcome', '')}{where}"
    if entry.kind == "probe":
        if body.get("ok"):
            return f"The global address answered in {body.get('ms')} ms."
        return f"The global address did not answer well ({body.get('status') or 'no connection'})."
    return ""


def override_words(override: Override) -> str:
    """How sentences refer to a lease; stable over its life, so that a decision is told once."""
    until = f" until {at(override.expires_at)}" if override.expires_at else ""
    who = f", started by {override.owner}" if override.owner else ""
    if override.commit:
        return f"the roll back to {override.commit[:7]}{until}{who}"
    return f"the {override.rollout.value} switch to {catalog.short(override.accelerator)}{until}{who}"


def at(moment: datetime) -> str:
    return f"{moment:%H:%M} UTC"


def duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(0, round(seconds))} s"
    if seconds < 5400:
        return f"{round(seconds / 60)} min"
    return f"{seconds / 3600:.1f} h"


def machine(accelerator: str, provisioning: Provisioning) -> str:
    """A GPU as short as it is known, and how it is bought where that isn't on demand."""
    return f"{catalog.short(accelerator)}{' Spot' if provisioning is Provisioning.SPOT else ''}"


def usd(amount: float) -> str:
    return f"${amount:.2f}/h"


def listed(names: Iterable[str], *, limit: int = 6) -> str:
    """Names in a sentence; says how many it leaves out, never cuts silently."""
    all_names = list(names)
    if len(all_names) <= limit:
        return ", ".join(all_names) or "none"
    return f"{', '.join(all_names[:limit])} and {len(all_names) - limit} more"


def letters(region: str, zones: Iterable[str]) -> str:
    """us-central1-a, us-central1-c -> "a, c"; AI zones keep what follows the region."""
    return ", ".join(sorted(z.removeprefix(f"{region}-") for z in zones))
