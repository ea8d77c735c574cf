"""One sandbox for the whole session, started as its own process, as its users start it."""

from __future__ import annotations

import json
import os
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import google.auth.transport.requests
import httpx
import pytest
import requests
from google.oauth2 import service_account

from tests.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
SCOPE = "https://www.googleapis.com/auth/cloud-platform"


@dataclass(kw_only=True)
class Sandbox:
    """A running sandbox: where it is, and how to call it."""

    state_dir: Path
    arguments: tuple[str, ...] = ("--speed", "600")
    process: subprocess.Popen[bytes] | None = None
    endpoints: dict[str, Any] = field(default_factory=dict)

    def start(self) -> Sandbox:
        self.state_dir.mkdir(parents=True, exist_ok=True)
        with (self.state_dir / "sandbox-test.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "lib.sandbox", "--state-dir", str(self.state_dir), *self.arguments],
                cwd=ROOT,
                stderr=log,
            )
        wait_until(self._ready, timeout_s=30, what="the sandbox is ready")
        return self

    def _ready(self) -> bool:
        """Its endpoints, written by this very process, answer."""
        assert self.process is not None
        assert self.process.poll() is None, (self.state_dir / "sandbox-test.log").read_text()[-2000:]
        path = self.state_dir / "sandbox" / "endpoints.json"
        if not path.exists():
            return False
        self.endpoints = json.loads(path.read_text())
        if self.endpoints["pid"] != self.process.pid:
            return False
        with self.http() as client:
            return client.get("/healthz").text == "ok"

    def stop(self, *, kill: bool = False) -> int:
        if self.process is None or self.process.poll() is not None:
            return 0
        os.kill(self.process.pid, signal.SIGKILL if kill else signal.SIGTERM)
        return self.process.wait(timeout=20)

    def credentials(self, name: str = "credentials.json") -> service_account.Credentials:
        path = self.state_dir / "sandbox" / name
        found = service_account.Credentials.from_service_account_file(str(path), scopes=[SCOPE])
        with requests.Session() as session:
            session.trust_env = False  # REQUESTS_CA_BUNDLE may be that of another sandbox
            session.verify = self.endpoints["ca_file"]
            found.refresh(google.auth.transport.requests.Request(session))
        return found

    @property
    def token(self) -> str:
        return str(self.credentials().token)

    def http(self, token: str = "") -> httpx.Client:
        """A client of the REST port; without a token when none is given."""
        context = ssl.create_default_context(cafile=self.endpoints["ca_file"])
        headers = {"authorization": f"Bearer {token}"} if token else {}
        return httpx.Client(
            base_url=f"https://{self.endpoints['rest']}", verify=context, headers=headers, timeout=20
        )

    @property
    def environment(self) -> dict[str, str]:
        """What makes Google's clients trust it and be somebody in it."""
        return {
            "GOOGLE_APPLICATION_CREDENTIALS": self.endpoints["credentials_file"],
            "REQUESTS_CA_BUNDLE": self.endpoints["ca_file"],
            "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": self.endpoints["ca_file"],
        }


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    started = Sandbox(state_dir=tmp_path_factory.mktemp("sandbox")).start()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in started.environment.items():
            patch.setenv(name, value)
        yield started
    started.stop()
