"""Names this platform gives to what it creates. One rule each, so that a repeat is a no-op.

Not a place for names that Google gives (those come with observations).
"""

from __future__ import annotations

PREFIX = "atlas-"


def cluster_name(region: str) -> str:
    return f"{PREFIX}{region}"


def sync_directory(cluster: str) -> str:
    """Directory of the delivery repository that a cluster's Config Sync follows."""
    return f"clusters/{cluster}"


def link(region: str) -> str:
    """How spec.clusters of a MultiClusterService names a cluster: <location>/<cluster>."""
    return f"{region}/{cluster_name(region)}"
