"""Who may do what on a cluster's API: the operator everything, the viewer only look.

RBAC objects are stored but not evaluated: as on GKE, IAM decides first, and the sandbox has two service accounts.
"""

from __future__ import annotations

from lib.sandbox.kube import errors
from lib.sandbox.kube.resources import Resource

READING = frozenset({"get", "list", "watch"})


def allowed(user: str, verb: str, *, group: str = "", resource: str = "") -> bool:
    """Like roles/container.viewer for `viewer@...`: reading, but no Secrets. Others are cluster-admin."""
    if not user.startswith("viewer@"):
        return True
    return verb in READING and not (group == "" and resource == "secrets")


def check(user: str, verb: str, kind: Resource, *, namespace: str, name: str) -> None:
    """Raises the 403 Status that says who may not do what."""
    if not allowed(user, verb, group=kind.group, resource=kind.plural):
        raise errors.forbidden(kind, name, user=user, verb=verb, namespace=namespace)
