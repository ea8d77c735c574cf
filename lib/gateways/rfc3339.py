"""Times as Kubernetes objects hold them: RFC 3339 in UTC."""

from __future__ import annotations

from datetime import UTC, datetime


def time_text(at: datetime) -> str:
    """Milliseconds are kept: in the sandbox a second of the wall is a minute of its time."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def time_from(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text.replace("Z", "+00:00")) if text else None


def certain(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
