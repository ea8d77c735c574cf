"""The sandbox's time: it runs faster than the wall's (1x to 600x), can pause, and survives a restart.

Every lifecycle in the sandbox is dated in this time. It is written to a small file so that other processes
of the same state directory can tell the cloud's time too. Not for TLS, tokens or sockets: those live in wall
time.
"""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path

MIN_SPEED, MAX_SPEED = 1.0, 600.0
TRUST_S = 3.0  # other processes read the file too, and go on counting for so long after it was written


class Clock:
    """now() = sim0 + (wall - wall0) * speed. While the process is down no time passes; but when it was killed, up to
    TRUST_S since the last `save` count as passed, so that time never goes back behind what was told."""

    def __init__(self, path: Path, *, speed: float = 60.0, start: datetime | None = None) -> None:
        self._path = path
        sim = (start or datetime.now(UTC)).timestamp()
        paused = False
        if path.exists():
            kept = json.loads(path.read_text())
            sim, speed, paused = float(kept["now"]), float(kept["speed"]), bool(kept["paused"])
            if not paused and not kept.get("stopped"):
                sim += min(max(0.0, time.time() - float(kept["wall"])), TRUST_S) * speed
        self._wall0, self._sim0, self.speed, self.paused = time.time(), sim, speed, paused
        self.save()

    def timestamp(self) -> float:
        """Seconds since the epoch, in sandbox time."""
        return self._sim0 + (0.0 if self.paused else (time.time() - self._wall0) * self.speed)

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.timestamp(), UTC)

    def set_speed(self, speed: float) -> None:
        """Raises ValueError outside 1..600."""
        if not MIN_SPEED <= speed <= MAX_SPEED:
            raise ValueError(f"speed must be between {MIN_SPEED:g} and {MAX_SPEED:g}, not {speed:g}")
        self._rebase()
        self.speed = speed
        self.save()

    def pause(self, paused: bool = True) -> None:
        self._rebase()
        self.paused = paused
        self.save()

    def step(self, seconds: float) -> None:
        """Jump forward, paused or not."""
        self._rebase()
        self._sim0 += max(0.0, seconds)
        self.save()

    def save(self, *, stopped: bool = False) -> None:
        """Called about once a second, at each change and, with `stopped`, at the end; the file is replaced whole."""
        kept = {
            "now": self.timestamp(),
            "wall": time.time(),
            "speed": self.speed,
            "paused": self.paused,
            "stopped": stopped,
        }
        temporary = self._path.with_suffix(".tmp")
        temporary.write_text(json.dumps(kept))
        temporary.replace(self._path)

    def _rebase(self) -> None:
        self._sim0, self._wall0 = self.timestamp(), time.time()
