"""What verbs share: the placement as it is now, names checked against the catalog, durations as people write
them.
"""

from __future__ import annotations

import getpass
import re
import secrets
import socket
from collections.abc import Collection
from datetime import timedelta
from typing import TYPE_CHECKING

from lib.cli.output import Failed, Usage
from lib.fleet import catalog
from lib.fleet.model import Placement
from lib.gateways.errors import NotFound, Unreachable
from lib.launch import process
from lib.settings import Settings

if TYPE_CHECKING:
    from lib.gateways.faults import FaultsGateway
    from lib.gateways.placement import PlacementGateway

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(s|m|h|d)")
NOT_LOOKED_YET = "the controller has not told its first step yet."
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def sandbox(settings: Settings) -> FaultsGateway:
    """The sandbox's own admin API; each call is Refused where there is none."""
    from lib.gateways.faults import FaultsGateway

    return FaultsGateway(settings)


def placements(settings: Settings) -> PlacementGateway:
    """Imported here: `up` lives long and needs no Kubernetes client."""
    from lib.gateways.placement import PlacementGateway

    return PlacementGateway(settings)


def placement(settings: Settings, gateway: PlacementGateway) -> Placement:
    """Failed with what to do when nothing runs or the set-up is not there yet."""
    try:
        return gateway.get()
    except NotFound as e:
        raise Failed(f"The platform is still being set up: {setting_up(settings) or NOT_LOOKED_YET}") from e
    except Unreachable as e:
        if is_down(settings):
            raise Failed(f"Nothing runs on {settings.state_dir}; start it with ./atlas up.") from e
        if told := setting_up(settings, only_unfinished=True):
            raise Failed(f"The config cluster does not answer yet: {told}") from e
        raise Failed(
            f"{str(e).rstrip('.')}; what serves goes on, atlas txt2img and atlas events work, and changes wait "
            "until it is back."
        ) from e


def is_down(settings: Settings) -> bool:
    """Nobody answers because nothing was started."""
    return settings.target == "sandbox" and process.find(settings.state_dir, "sandbox") is None


def setting_up(settings: Settings, *, only_unfinished: bool = False) -> str:
    """The newest sentence of the set-up; "" when there is none. It is over once a region has had a phase."""
    from lib.gateways.errors import JournalError
    from lib.gateways.journal import Journal

    if not settings.state_dir.is_dir():
        return ""
    try:
        journal = Journal(settings.journal_url)
        if only_unfinished and journal.read(kinds=["phase"], limit=1):
            return ""
        entries = journal.read(kinds=["bootstrap"], limit=1)
    except JournalError:
        return ""
    return entries[0].message if entries else ""


def region(name: str) -> str:
    return _known(name, catalog.REGIONS, "region")


def accelerator(name: str) -> str:
    return _known(name, catalog.ACCELERATORS, "GPU")


def _known(name: str, names: Collection[str], what: str) -> str:
    if name in names:
        return name
    near = catalog.nearest(name, names)
    hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(sorted(names)[:8])}, ..."
    raise Usage(f"There is no {what} {name!r}; {hint}")


def duration(text: str) -> timedelta:
    """10m, 1h30m, 90s."""
    parts = _DURATION.findall(text)
    if not parts or "".join(f"{n}{u}" for n, u in parts) != text:
        raise Usage(f"{text!r} is no duration; write 90s, 10m or 1h30m.")
    return timedelta(seconds=sum(float(n) * _UNITS[u] for n, u in parts))


def actor() -> str:
    try:
        return f"{getpass.getuser()}@{socket.gethostname()}"
    except (KeyError, OSError):  # a user id without a name, as in some containers
        return f"operator@{socket.gethostname()}"


def new_operation_id() -> str:
    return secrets.token_hex(8)
