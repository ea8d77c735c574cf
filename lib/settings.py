"""The one place where sandbox and cloud differ, and they differ as values: addresses, CA, credentials, clock.

Everything comes from the environment (prefix ATLAS_). No other module may ask which target it talks to. This
is not a client of anything: it reads the environment and two small files that the sandbox keeps in its folder.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

HOME = Path(__file__).resolve().parents[1]
SANDBOX_PROJECT = "gpu-atlas-sandbox"
# The clock file is written about once a second; if it is older, the sandbox is down and its time stands still.
CLOCK_TRUST_S = 3.0
_CLOCK = frozenset({"now", "wall", "speed", "paused"})
_TOLD = frozenset({"rest", "grpc", "admin", "ca_file", "credentials_file"})


class SettingsError(Exception):
    """What is wrong with the settings, in one sentence."""


class TargetNotReady(SettingsError):  # noqa: N818 - it is a state, which passes, and not a mistake
    """The sandbox has not said yet where it listens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """host:port of each API; None is the Google client's own default."""

    container: str | None = None  # gRPC, as gkehub and monitoring
    gkehub: str | None = None
    monitoring: str | None = None
    compute: str | None = None  # REST
    container_rest: str | None = None
    gkehub_rest: str | None = None
    ca_file: Path | None = None
    credentials_file: Path | None = None


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="ATLAS_", frozen=True, extra="ignore")

    state_dir: Path = HOME / ".atlas"
    port: int = Field(default=8501, ge=0, le=65535)  # of the dashboard
    target: Literal["sandbox", "cloud"] = "sandbox"
    project: str = ""
    config_region: str = "us-central1"
    config_cluster: str = "config-cluster"
    placement: str = "stable-diffusion"
    namespace: str = "default"
    vip_address_name: str = "gpu-atlas-vip"
    delivery_url: str = ""
    delivery_token: str = Field(default="", repr=False)
    journal_url: str = ""
    loop_interval_s: float = Field(default=1.0, gt=0, le=300)
    operators: Annotated[tuple[str, ...], NoDecode] = ()  # e-mail addresses, comma-separated

    @field_validator("operators", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(v.strip() for v in value.split(",") if v.strip()) if isinstance(value, str) else value

    @field_validator("state_dir")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @model_validator(mode="after")
    def _complete(self) -> Settings:
        if self.target == "cloud" and not self.project:
            raise ValueError("ATLAS_PROJECT is needed when ATLAS_TARGET is cloud")
        if self.target == "cloud" and not self.delivery_url:
            raise ValueError("ATLAS_DELIVERY_URL is needed when ATLAS_TARGET is cloud")
        defaults = {
            "project": SANDBOX_PROJECT,
            "delivery_url": f"file://{self.state_dir / 'delivery.git'}",
            "journal_url": f"sqlite:///{self.state_dir / 'journal.db'}",
        }
        for name, value in defaults.items():
            if not getattr(self, name):
                object.__setattr__(self, name, value)  # frozen for everybody else
        return self

    @property
    def sandbox_dir(self) -> Path:
        return self.state_dir / "sandbox"

    @property
    def endpoints(self) -> Endpoints:
        """Read at each call: the sandbox may have come up meanwhile. Raises TargetNotReady."""
        if self.target == "cloud":
            return Endpoints()
        told = self._told()
        return Endpoints(
            container=told["grpc"],
            gkehub=told["grpc"],
            monitoring=told["grpc"],
            compute=told["rest"],
            container_rest=told["rest"],
            gkehub_rest=told["rest"],
            ca_file=Path(told["ca_file"]),
            credentials_file=Path(told["credentials_file"]),
        )

    @property
    def admin_url(self) -> str | None:
        """The sandbox's admin API; None where there is none."""
        return self._told()["admin"] if self.target == "sandbox" else None

    @property
    def label(self) -> str:
        """What every screen must be marked with."""
        return "SANDBOX" if self.target == "sandbox" else ""

    def now(self) -> datetime:
        """The target's time: phases, leases, ETAs, journal and status are dated in it."""
        clock = self._clock()
        if clock is None:
            return datetime.now(UTC)
        if clock["paused"]:
            return datetime.fromtimestamp(clock["now"], UTC)
        passed = min(max(0.0, time.time() - clock["wall"]), CLOCK_TRUST_S)
        return datetime.fromtimestamp(clock["now"] + passed * clock["speed"], UTC)

    def speed(self) -> float:
        """Seconds of the target's time per second of the wall's; 0 while it is paused."""
        clock = self._clock()
        if clock is None:
            return 1.0
        return 0.0 if clock["paused"] else float(clock["speed"])

    def _clock(self) -> dict[str, Any] | None:
        if self.target == "cloud":
            return None
        try:
            told = json.loads((self.sandbox_dir / "clock.json").read_text())
        except (OSError, ValueError):
            return None
        return told if isinstance(told, dict) and told.keys() >= _CLOCK else None

    def _told(self) -> dict[str, Any]:
        path = self.sandbox_dir / "endpoints.json"
        try:
            found = path.stat()
            told = _parsed(path, (found.st_mtime_ns, found.st_ino, found.st_size))
        except (FileNotFoundError, NotADirectoryError) as e:
            raise TargetNotReady(f"The sandbox of {self.state_dir} has not started yet.") from e
        except (OSError, ValueError) as e:
            raise SettingsError(f"{path} can't be read; start the sandbox again to rewrite it.") from e
        if not isinstance(told, dict) or not told.keys() >= _TOLD:
            raise SettingsError(
                f"{path} is not what a sandbox writes; start the sandbox again to rewrite it."
            )
        return told


@lru_cache(maxsize=8)
def _parsed(path: Path, _version: tuple[int, int, int]) -> Any:
    """Read again when the file is another one: every call on the wire asks for it."""
    return json.loads(path.read_text())


def load() -> Settings:
    """The settings of this process. Raises SettingsError with one sentence that names the variable."""
    try:
        return Settings()
    except ValidationError as e:
        first = e.errors(include_url=False)[0]
        where = f"ATLAS_{'_'.join(str(part) for part in first['loc']).upper()}: " if first["loc"] else ""
        raise SettingsError(f"{where}{first['msg'].removeprefix('Value error, ')}.") from e
