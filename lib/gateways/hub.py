"""The fleet: memberships, and the two features this platform lives on (Multi Cluster Ingress, Config Sync).

Writes are level-triggered: calling again with the same wish is a no-op. Operations are started and not waited
for. Feature writes replace the whole map of membership specs, so they are serialised here.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from lib.fleet.model import MembershipObservation, SyncError
from lib.gateways import connect
from lib.gateways.errors import AlreadyExists, Conflict, NotFound, Refused
from lib.gateways.gke import OWNER_LABEL
from lib.gateways.ledger import Creating
from lib.gateways.listing import Listing
from lib.settings import Settings

if TYPE_CHECKING:
    from google.cloud.gkehub_v1 import GkeHubClient

INGRESS, SYNC = "multiclusteringress", "configmanagement"
WRITE_TRIES = 5
_writing = threading.Lock()


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureState:
    enabled: bool  # the feature exists
    lifecycle: str = ""  # ENABLING, ACTIVE, ...
    code: str = ""  # OK, WARNING, ERROR, "" while it is not known
    description: str = ""
    config_membership: str = ""  # of multiclusteringress

    @property
    def ready(self) -> bool:
        return self.enabled and self.lifecycle == "ACTIVE" and self.code == "OK"


class HubGateway:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._parent = f"projects/{settings.project}/locations"
        self._beside = ThreadPoolExecutor(1, thread_name_prefix="feature")

    @cached_property
    def _client(self) -> GkeHubClient:
        from google.cloud.gkehub_v1 import GkeHubClient

        return connect.grpc_client(self._settings, GkeHubClient, connect.endpoints(self._settings).gkehub)

    def list_memberships(self) -> Listing[MembershipObservation]:
        """All memberships with their Config Sync spec and state."""
        items: list[Any] = []
        unknown: set[str] = set()
        feature_later = self._beside.submit(self._feature, SYNC)
        with connect.google_errors("listing fleet memberships"):
            pages = self._client.list_memberships(
                parent=f"{self._parent}/-", retry=None, timeout=connect.DEADLINE_S
            )
            for page in pages.pages:
                items += page.resources
                unknown |= set(page.unreachable)
        feature = feature_later.result()
        specs = {short_name(k): v for k, v in feature.membership_specs.items()} if feature else {}
        states = {short_name(k): v for k, v in feature.membership_states.items()} if feature else {}
        merged = tuple(
            _membership(m, specs.get(short_name(m.name)), states.get(short_name(m.name))) for m in items
        )
        return Listing(merged, frozenset(location.rpartition("/")[2] for location in unknown))

    def delete_membership(self, name: str, *, made_here: bool = False) -> str:
        """Starts it; the operation's name. Refused unless it carries our label, which is read right before, or the
        ledger says that we made it: one that GKE registered with a cluster can't carry a label."""
        with connect.google_errors(f"deleting the membership {short_name(name)}"):
            held = self._client.get_membership(name=name, retry=None, timeout=connect.DEADLINE_S)
            if not made_here and held.labels.get(OWNER_LABEL[0]) != OWNER_LABEL[1]:
                raise Refused(f"{short_name(name)} was not made by this platform and is left alone.")
            started = self._client.delete_membership(name=name, retry=None, timeout=connect.DEADLINE_S)
        return started.operation.name

    def enable_ingress(self, config_membership: str, *, creating: Creating = nullcontext) -> FeatureState:
        """Multi Cluster Ingress with this config membership (projects/P/locations/L/memberships/M)."""
        from google.cloud import gkehub_v1
        from google.cloud.gkehub_v1 import multiclusteringress_v1

        held = self._feature(INGRESS)
        spec = gkehub_v1.CommonFeatureSpec(
            multiclusteringress=multiclusteringress_v1.FeatureSpec(config_membership=config_membership)
        )
        if held is None:
            self._create(INGRESS, gkehub_v1.Feature(spec=spec), creating)
        elif short_name(held.spec.multiclusteringress.config_membership) != short_name(config_membership):
            self._update(INGRESS, gkehub_v1.Feature(spec=spec), "spec")
        return self.ingress_state()

    def ingress_state(self) -> FeatureState:
        return _state(self._feature(INGRESS))

    def enable_config_management(self, *, creating: Creating = nullcontext) -> FeatureState:
        from google.cloud import gkehub_v1

        if (held := self._feature(SYNC)) is None:
            self._create(SYNC, gkehub_v1.Feature(), creating)
            held = self._feature(SYNC)
        return _state(held)

    def configure_sync(self, membership: str, directory: str) -> None:
        """Config Sync of this membership (full name) follows `directory` of the delivery repository."""

        def edit(specs: dict[str, Any]) -> bool:
            held = specs.get(short_name(membership))
            if _directory(held) == directory:
                return False
            specs[short_name(membership)] = self._sync_spec(directory)
            return True

        self._edit_specs(edit, f"configuring Config Sync of {membership}", membership)

    def remove_sync(self, membership: str) -> None:
        """No Config Sync spec for this membership any more; an empty one is how the API takes it away."""
        from google.cloud import gkehub_v1

        def edit(specs: dict[str, Any]) -> bool:
            if _directory(specs.get(short_name(membership))) is None:
                return False
            specs[short_name(membership)] = gkehub_v1.MembershipFeatureSpec()
            return True

        self._edit_specs(edit, f"removing Config Sync of {membership}", membership)

    def _sync_spec(self, directory: str) -> Any:
        from google.cloud import gkehub_v1
        from google.cloud.gkehub_v1 import configmanagement_v1 as cm

        git = cm.GitConfig(
            sync_repo=self._settings.delivery_url,
            sync_branch="main",
            sync_rev="HEAD",
            policy_dir=directory,
            sync_wait_secs=15,
            secret_type="token" if self._settings.delivery_token else "none",
        )
        sync = cm.ConfigSync(enabled=True, source_format="unstructured", git=git)
        return gkehub_v1.MembershipFeatureSpec(configmanagement=cm.MembershipSpec(config_sync=sync))

    def _edit_specs(self, edit: Callable[[dict[str, Any]], bool], doing: str, membership: str) -> None:
        """Read, change and write the whole map: what the API does with absent keys is not promised."""
        from google.cloud import gkehub_v1

        with _writing:
            for attempt in range(WRITE_TRIES):
                held = self._feature(SYNC)
                if held is None:
                    raise NotFound(f"{doing[:1].upper()}{doing[1:]} failed: Config Sync is not enabled.")
                names = {short_name(k): k for k in held.membership_specs}
                specs = {short_name(k): v for k, v in held.membership_specs.items()}
                if not edit(specs):
                    return
                names.setdefault(short_name(membership), membership)
                feature = gkehub_v1.Feature(membership_specs={names[k]: v for k, v in specs.items()})
                try:
                    self._update(SYNC, feature, "membership_specs")
                except Conflict:
                    if attempt == WRITE_TRIES - 1:
                        raise
                else:
                    return

    def _feature(self, feature: str) -> Any | None:
        try:
            with connect.google_errors(f"reading the fleet feature {feature}"):
                return self._client.get_feature(
                    name=f"{self._parent}/global/features/{feature}", retry=None, timeout=connect.DEADLINE_S
                )
        except NotFound:
            return None

    def _create(self, feature: str, body: Any, creating: Creating) -> None:
        from google.cloud import gkehub_v1

        request = gkehub_v1.CreateFeatureRequest(
            parent=f"{self._parent}/global", feature_id=feature, resource=body
        )
        try:
            with creating(), connect.google_errors(f"enabling the fleet feature {feature}"):
                self._client.create_feature(request=request, retry=None, timeout=connect.DEADLINE_S)
        except AlreadyExists:
            return

    def _update(self, feature: str, body: Any, mask: str) -> None:
        from google.cloud import gkehub_v1

        request = gkehub_v1.UpdateFeatureRequest(
            name=f"{self._parent}/global/features/{feature}", resource=body, update_mask={"paths": [mask]}
        )
        with connect.google_errors(f"updating the fleet feature {feature}"):
            self._client.update_feature(request=request, retry=None, timeout=connect.DEADLINE_S)


def short_name(membership: str) -> str:
    """locations/L/memberships/M: projects appear by id or by number, so they are never compared."""
    return membership[found:] if (found := membership.find("locations/")) >= 0 else membership


def _membership(found: Any, spec: Any | None, state: Any | None) -> MembershipObservation:
    link = found.endpoint.gke_cluster.resource_link
    _, _, location = found.name.partition("/locations/")
    code, token, errors = _sync(spec, state)
    told = state.configmanagement.config_sync_state.sync_state if state is not None and token else None
    return MembershipObservation(
        name=found.name,
        cluster=link.partition("/clusters/")[2] or found.name.rpartition("/")[2],
        region=link.partition("/locations/")[2].partition("/")[0] or location.partition("/")[0],
        state=found.state.code.name,
        owned=found.labels.get(OWNER_LABEL[0]) == OWNER_LABEL[1],
        sync_directory=_directory(spec),
        sync_code=code,
        sync_commit=token,
        sync_errors=errors,
        synced_at=_utc(told.last_sync_time) if told and told.last_sync_time else None,
    )


def _utc(at: Any) -> datetime:
    return datetime.fromtimestamp(at.timestamp(), UTC)


def _directory(spec: Any | None) -> str | None:
    if spec is None or not spec.configmanagement.config_sync.git.sync_repo:
        return None
    return spec.configmanagement.config_sync.git.policy_dir


def _sync(spec: Any | None, state: Any | None) -> tuple[str, str, tuple[SyncError, ...]]:
    """One word, the applied commit, the errors; as gcloud's `config-management status` tells them."""
    if _directory(spec) is None:
        return "", "", ()
    if state is None or (
        not state.configmanagement.cluster_name and not state.configmanagement.config_sync_state
    ):
        return "PENDING", "", ()
    seen = state.configmanagement.config_sync_state
    sync = seen.sync_state
    code = sync.code.name.removesuffix("_UNSPECIFIED") if sync.code else ""
    installed = seen.state.name.removeprefix("CONFIG_SYNC_")
    errors = [sync_error(e.code, e.error_message) for e in sync.errors]
    errors += [SyncError(code="INSTALL", message=e.error_message) for e in seen.errors]
    if installed in {"NOT_INSTALLED", "PENDING", "ERROR"} or code in {"", "SYNC_CODE"}:
        code = installed if installed in {"NOT_INSTALLED", "ERROR"} else "PENDING"
    return code, sync.sync_token, tuple(errors)


def sync_error(number: str, message: str) -> SyncError:
    """Config Sync begins its messages with the code, which we keep apart."""
    code = f"KNV{number.removeprefix('KNV')}"
    return SyncError(code=code, message=message.removeprefix(f"{code}: "))


def _state(found: Any | None) -> FeatureState:
    if found is None:
        return FeatureState(enabled=False)
    code = found.state.state.code.name
    return FeatureState(
        enabled=True,
        lifecycle=found.resource_state.state.name,
        code="" if code == "CODE_UNSPECIFIED" else code,
        description=found.state.state.description,
        config_membership=found.spec.multiclusteringress.config_membership,
    )
