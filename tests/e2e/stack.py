"""The whole product as its user runs it: `./atlas up` in a folder of its own; and the browser to look at it with."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
SPEED = "300"
NOWHERE = "http://127.0.0.1:9"  # the port of `discard`: nobody listens
LOOPBACK = {"127.0.0.1", "localhost", "::1"}
CHROMIUM_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-sync",
    # Nothing but this machine is reached, whoever asks: Chromium leaves the proxy out for loopback only.
    f"--proxy-server={NOWHERE}",
]


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


@dataclass
class Stack:
    """A running product. `atlas(...)` is the command line on the same state directory."""

    state_dir: Path
    port: int
    process: subprocess.Popen[bytes] | None = None
    environment: dict[str, str] = field(default_factory=dict)
    options: dict[str, str] = field(default_factory=dict)  # of the environment, beside the usual ones

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self.environment = {
            **os.environ,
            "ATLAS_STATE_DIR": str(self.state_dir),
            "ATLAS_PORT": str(self.port),
            "ATLAS_SANDBOX_SPEED": SPEED,
            **self.options,
        }
        with (self.state_dir.parent / f"{self.state_dir.name}-up.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "lib.cli", "up"],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=log,
            )

    def stop(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(30)

    def atlas(self, *words: str, check: bool = True) -> Any:
        """The answer of `atlas ... --json`, parsed."""
        done = subprocess.run(
            [sys.executable, "-m", "lib.cli", *words, "--json"],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if check and done.returncode:
            raise AssertionError(f"atlas {' '.join(words)} ended with {done.returncode}: {done.stderr}")
        return json.loads(done.stdout) if done.stdout.strip() else None

    def regions(self) -> dict[str, str]:
        """Phase by region, as `atlas status` tells it; empty while the platform is being set up."""
        status = self.atlas("status", check=False) or {}
        return {r["region"]: r["phase"] for r in status.get("regions", [])}

    def serving(self) -> list[str]:
        return [region for region, phase in self.regions().items() if phase == "Serving"]

    def wait_serving(self, count: int, *, timeout_s: float = 150) -> list[str]:
        return wait_until(
            lambda: found if len(found := self.serving()) == count else [],
            timeout_s=timeout_s,
            every_s=0.5,
            what=f"{count} regions Serving",
        )


def browser_path() -> str | None:
    """The browser to use; None lets Playwright take its own download."""
    for name in (os.environ.get("CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome"):
        if name and (found := shutil.which(name)):
            return found
    return None
