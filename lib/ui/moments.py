"""When something was: in the viewer's own time, with UTC to point at. Pure words; the zone is always given, never found out.

What leaves the screen, such as addresses, files and the command line, stays in UTC.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo
from html import escape
from typing import Final
from zoneinfo import ZoneInfo

from lib.ui import words

# As words.plain leaves it. One that has its date stays as it is, in clock.js too.
_SAID: Final = re.compile(r"(?<!\d\\-\d\d )\b([01]\d|2[0-3])\\:([0-5]\d) UTC\b")


def zone_of(name: str | None) -> tzinfo:
    """By the name that a browser tells; UTC for none and for one that isn't known here."""
    try:
        return ZoneInfo(name) if name else UTC
    except (ValueError, OSError, KeyError):  # a name that is none, a folder of zones, one that isn't there
        return UTC


def clock(at: datetime, zone: tzinfo) -> str:
    """ "21:15:03": the time of day, where the day is plain."""
    return f"{at.astimezone(zone):%H:%M:%S}"


def day(at: datetime, zone: tzinfo) -> str:
    """ "23 Nov 21:15:03 UTC+1": where the day or the zone matters. Letters such as IST mean several zones."""
    local = at.astimezone(zone)
    return f"{local.day} {local:%b %H:%M:%S} {offset(local)}"


def offset(local: datetime) -> str:
    minutes = round((local.utcoffset() or timedelta()).total_seconds() / 60)
    hours, rest = divmod(abs(minutes), 60)
    return (
        "UTC" + (f"{'-' if minutes < 0 else '+'}{hours}" if minutes else "") + (f":{rest:02}" if rest else "")
    )


def utc(at: datetime) -> str:
    """ "23 Nov 2026 20:15:03 UTC": what is told on hover."""
    exact = at.astimezone(UTC)
    return f"{exact.day} {exact:%b %Y %H:%M:%S} UTC"


def both(at: datetime, zone: tzinfo) -> str:
    """ "21:15:03 (20:15:03 UTC)": where nothing can be pointed at, such as in a warning."""
    there, here = f"{at.astimezone(UTC):%H:%M:%S} UTC", clock(at, zone)
    return there if there.startswith(here) else f"{here} ({there})"


def wall(at: float, zone: tzinfo) -> str:
    """The same for epoch seconds of the dashboard's own clock."""
    return both(datetime.fromtimestamp(at, UTC), zone)


def tag(at: datetime, zone: tzinfo, *, dated: bool = False) -> str:
    """For Markdown that may hold HTML: a time that tells its UTC when pointed at."""
    text = day(at, zone) if dated else clock(at, zone)
    return f'<time datetime="{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" title="{utc(at)}">{escape(text)}</time>'


def sentence(text: str, zone: tzinfo, now: datetime) -> str:
    """What the controller says, whose times are UTC, for Markdown that may hold HTML: the viewer's time instead.

    It tells no day: the time that is nearest to now is taken, which only matters where clocks are put forward or back."""

    def local(found: re.Match[str]) -> str:
        at = now.astimezone(UTC).replace(hour=int(found[1]), minute=int(found[2]), second=0)
        at += timedelta(days=round((now - at) / timedelta(days=1)))
        here = f"{at.astimezone(zone):%H:%M}"
        return f'<time datetime="{at:%Y-%m-%dT%H:%MZ}" title="{at:%H:%M} UTC">{here}</time>'

    return _SAID.sub(local, words.plain(text))


def naive(at: datetime, zone: tzinfo) -> datetime:
    """For Plotly, which shows the digits it is given and passes over their zone."""
    return at.astimezone(zone).replace(tzinfo=None)
