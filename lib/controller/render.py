"""The workload of one cluster as files: the plain YAML of manifests/workload with a few typed patches.

Pure, and no template language: the manifests are valid Kubernetes YAML that anyone can apply by hand, and
what the platform changes in them is the list of assignments below. Committing is the delivery gateway's
job.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml

from lib.fleet.model import Provisioning, Rollout
from lib.gateways.workload import ACCELERATOR_LABEL, RETURNS_ANNOTATION, SPOT_LABEL

WORKLOAD = Path(__file__).resolve().parents[2] / "manifests" / "workload"

Document = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """What differs from cluster to cluster."""

    cluster: str
    region: str
    accelerator: str
    provisioning: Provisioning = Provisioning.STANDARD
    rollout: Rollout = Rollout.SAFE
    returns_to: tuple[str, Provisioning] | None = None  # of a drill


def read_sources(folder: Path = WORKLOAD) -> dict[str, str]:
    """File name -> text of the manifests that every cluster gets."""
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.yaml"))}


def render(sources: Mapping[str, str], variant: Variant) -> dict[str, str]:
    """File name -> YAML text for one cluster; the same input always gives the same bytes."""
    return {name: _dump([_patched(d, variant) for d in load(text)]) for name, text in sources.items()}


def load(text: str) -> list[Document]:
    """The documents of a YAML text; empty ones (a file of comments) are left out."""
    return [cast(Document, document) for document in yaml.safe_load_all(text) if document]


def _dump(documents: list[Document]) -> str:
    return yaml.safe_dump_all(documents, sort_keys=False, width=110)


def _patched(document: Document, variant: Variant) -> Document:
    if document.get("kind") != "Deployment":
        return document
    if variant.returns_to is not None:
        gpu, model = variant.returns_to
        document["metadata"].setdefault("annotations", {})[RETURNS_ANNOTATION] = f"{gpu}/{model.value}"
    spec: Document = document["spec"]
    spec["strategy"] = _strategy(variant.rollout)
    pod: Document = spec["template"]["spec"]
    pod["nodeSelector"] = _node_selector(pod.get("nodeSelector", {}), variant)
    for container in pod["containers"]:
        _set_environment(container, variant)
    return document


def _strategy(rollout: Rollout) -> Document:
    if rollout is Rollout.HARD:
        return {"type": "Recreate"}
    return {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}


def _node_selector(given: Mapping[str, str], variant: Variant) -> dict[str, str]:
    selector = {k: v for k, v in given.items() if k != SPOT_LABEL} | {ACCELERATOR_LABEL: variant.accelerator}
    return selector | ({SPOT_LABEL: "true"} if variant.provisioning is Provisioning.SPOT else {})


def _set_environment(container: Document, variant: Variant) -> None:
    literals = {"REGION": variant.region, "CLUSTER": variant.cluster, "ACCELERATOR": variant.accelerator}
    for entry in container.get("env", []):
        if entry["name"] in literals and "valueFrom" not in entry:
            entry["value"] = literals[entry["name"]]
