"""What the Delivery page reads, by name: the repository, the memberships, one commit's files. Readers only.

They run in the threads of `looks`; a commit never changes, so what it holds is read once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlparse

from lib.fleet.model import DeliveredWorkload, DeliveryCommit, MembershipObservation
from lib.gateways.census import CensusGateway
from lib.gateways.delivery import DeliveryGateway
from lib.gateways.listing import Listing
from lib.settings import Settings
from lib.ui import looks
from lib.ui.looks import Seen

REPOSITORY: Final = "delivery/repository"
MEMBERS: Final = "delivery/members"
COMMITS: Final = 200  # the newest; the page says of how many
ONCE_S: Final = 3600.0
Texts = Mapping[str, Mapping[str, str]]  # cluster -> file -> text
Members = Listing[MembershipObservation]


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """As far as one look goes. `commits` come newest first."""

    url: str  # without what may be secret in it
    branch: str
    commits: tuple[DeliveryCommit, ...]
    total: int
    delivered: Mapping[str, DeliveredWorkload]

    @property
    def head(self) -> DeliveryCommit | None:
        return self.commits[0] if self.commits else None

    def commit(self, sha: str | None) -> DeliveryCommit | None:
        """By the beginning of its name."""
        return next((one for one in self.commits if sha and one.sha.startswith(sha)), None)

    def before(self, commit: DeliveryCommit) -> DeliveryCommit | None:
        place = self.commits.index(commit) + 1
        return self.commits[place] if place < len(self.commits) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What one commit holds: its files, and the workload in them."""

    texts: Texts
    delivered: Mapping[str, DeliveredWorkload]


def repository() -> Seen[Repository]:
    return looks.look(REPOSITORY, _repository, every_s=2.0)


def members() -> Seen[Members]:
    return looks.look(MEMBERS, _members)


def held(sha: str) -> Seen[Held]:
    def read(settings: Settings) -> Held:
        gateway = looks.gateway(DeliveryGateway, settings)
        return Held(texts=gateway.texts(sha), delivered=gateway.at(sha))

    return looks.look(held_name(sha), read, every_s=ONCE_S)


def held_name(sha: str) -> str:
    return f"delivery/held/{sha}"


def _repository(settings: Settings) -> Repository:
    gateway = looks.gateway(DeliveryGateway, settings)
    url = urlparse(settings.delivery_url)
    return Repository(
        url=settings.delivery_url.replace(url.netloc, url.netloc.rpartition("@")[2]),
        branch="main",
        commits=tuple(gateway.log(COMMITS)),
        total=gateway.count(),
        delivered=gateway.read(),
    )


def _members(settings: Settings) -> Members:
    return looks.gateway(CensusGateway, settings).list_memberships()
