"""`sandbox env | fault`: point other tools at the sandbox, make it fail.

Through the sandbox's own admin API, never by a flag in the product; against a real project these verbs
refuse.
"""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
import yaml

from lib.cli import session
from lib.cli.output import Failed, Usage, emit, reported, settings, table
from lib.fleet.catalog import nearest
from lib.settings import Settings

if TYPE_CHECKING:
    from lib.gateways.faults import Fault

Json = Annotated[bool, typer.Option("--json")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done.")]

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="The sandbox: its clock, faults and scenarios."
)
fault = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Faults of the sandbox's cloud.")
app.add_typer(fault, name="fault")


@app.command()
def env(as_json: Json = False) -> None:
    """Shell exports for gcloud, kubectl and Google's clients: eval "$(./atlas sandbox env)"."""
    with reported():
        variables = _environment(_sandbox())
        lines = [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
        emit(variables, as_json=as_json, text=lines)


def _sandbox() -> Settings:
    wanted = settings()
    if wanted.target != "sandbox":
        raise Failed("This target is a real project: there is no sandbox to speak to.")
    return wanted


def _environment(wanted: Settings) -> dict[str, str]:
    from lib.gateways import connect

    told = connect.endpoints(wanted)
    ca, rest = str(told.ca_file), f"https://{told.container_rest}"
    token_file = _write(wanted.sandbox_dir / "token", connect.token(wanted))
    kubeconfig = _write_kubeconfig(wanted, token_file)
    return {
        "GOOGLE_APPLICATION_CREDENTIALS": str(told.credentials_file),
        "GOOGLE_CLOUD_PROJECT": wanted.project,
        "CLOUDSDK_CORE_PROJECT": wanted.project,
        "CLOUDSDK_CORE_DISABLE_PROMPTS": "1",
        "CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE": ca,
        "CLOUDSDK_AUTH_ACCESS_TOKEN_FILE": token_file,
        "CLOUDSDK_API_ENDPOINT_OVERRIDES_CONTAINER": f"{rest}/",
        "CLOUDSDK_API_ENDPOINT_OVERRIDES_GKEHUB": f"{rest}/",
        "CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE": f"{rest}/compute/v1/",
        "CLOUDSDK_API_ENDPOINT_OVERRIDES_SERVICEUSAGE": f"{rest}/",
        "CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDRESOURCEMANAGER": f"{rest}/",
        "REQUESTS_CA_BUNDLE": ca,
        "SSL_CERT_FILE": ca,
        "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": ca,
        "KUBECONFIG": kubeconfig,
        # Google's Python clients know no variable for an endpoint: these are for their client_options.
        "SANDBOX_GRPC": str(told.container),
        "SANDBOX_REST": str(told.container_rest),
        **_past_proxies(),
    }


def _past_proxies() -> dict[str, str]:
    """A proxy that is set for the internet would be asked for loopback too. Tools read either spelling."""
    names = ("no_proxy", "NO_PROXY")
    held = next((value for name in names if (value := os.environ.get(name))), "")
    hosts = [host for host in held.split(",") if host]
    return dict.fromkeys(names, ",".join(dict.fromkeys([*hosts, "127.0.0.1", "localhost"])))


def _write(path: Path, text: str) -> str:
    """A secret: only its owner may read it."""
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    descriptor = os.open(temporary, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    temporary.replace(path)
    return str(path)


def _write_kubeconfig(wanted: Settings, token_file: str) -> str:
    """A context for each cluster that answers, so that kubectl works without gcloud. What gcloud has written
    into the file stays."""
    from lib.gateways.gke import GkeGateway

    path = wanted.state_dir / "kubeconfig"
    held = _held(path)
    clusters = [c for c in GkeGateway(wanted).list_clusters() if c.endpoint]
    parts: dict[str, list[dict[str, Any]]] = {
        "clusters": [
            {
                "name": c.name,
                "cluster": {
                    "server": f"https://{c.endpoint}",
                    "certificate-authority-data": c.ca_certificate,
                },
            }
            for c in clusters
        ],
        "users": [{"name": "atlas", "user": {"tokenFile": token_file}}],
        "contexts": [{"name": c.name, "context": {"cluster": c.name, "user": "atlas"}} for c in clusters],
    }
    for part, entries in parts.items():
        ours = {entry["name"] for entry in entries}
        kept = [entry for entry in held.get(part) or [] if str(entry["name"]).startswith("gke_")]
        parts[part] = [*entries, *(entry for entry in kept if entry["name"] not in ours)]
    names = {context["name"] for context in parts["contexts"]}
    # A cluster that has gone, or does not answer yet, can't be the current one.
    current = next((n for n in (held.get("current-context"), wanted.config_cluster) if n in names), "")
    return _write(
        path, yaml.safe_dump({"apiVersion": "v1", "kind": "Config", "current-context": current, **parts})
    )


def _held(path: Path) -> dict[str, Any]:
    try:
        held = (yaml.safe_load(path.read_text()) if path.exists() else None) or {}
    except (OSError, ValueError, yaml.YAMLError):
        held = None
    if not isinstance(held, dict):
        raise Failed(f"{path} is no kubeconfig; remove it to have a new one written.")
    return held


@fault.command()
def kinds(as_json: Json = False) -> None:
    """Which faults there are."""
    with reported():
        found = session.sandbox(_sandbox()).kinds()
        rows = [(k.kind, ", ".join(k.scope), k.sentence) for k in found]
        emit(found, as_json=as_json, text=table(("KIND", "SCOPE", ""), rows))


@fault.command("list")
def list_faults(as_json: Json = False) -> None:
    """The faults that are in now."""
    with reported():
        found = session.sandbox(_sandbox()).list()
        emit(found, as_json=as_json, text=table(("ID", "KIND", "SCOPE", "UNTIL"), map(_row, found)))


@fault.command()
def add(
    kind: str,
    scope: Annotated[list[str] | None, typer.Argument(help="key=value, as `kinds` names them")] = None,
    ttl: Annotated[str, typer.Option(help="It ends by itself after this sandbox time: 90s, 10m, 1h.")] = "",
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Put a fault into the sandbox's cloud."""
    from lib.gateways.faults import in_words

    with reported():
        gateway = session.sandbox(wanted := _sandbox())
        known = {k.kind: k.scope for k in gateway.kinds()}
        if kind not in known:
            near = nearest(kind, known) or tuple(known)
            raise Usage(f"There is no fault {kind!r}; did you mean {' or '.join(near)}?")
        where, length = _scope(kind, known[kind], scope or []), session.duration(ttl) if ttl else None
        if dry_run:
            told = f"Would put in {kind}: {in_words(where)}{f', for {ttl}' if ttl else ''}."
            emit({"kind": kind, "scope": where, "ttl": ttl, "applied": False}, as_json=as_json, text=[told])
            return
        made = gateway.create(kind, where, ttl=length)
        told = f"{made.kind}: {in_words(where)}"
        _journal(wanted, made.kind, told, {"id": made.id, "scope": where})
        emit(made, as_json=as_json, text=[f"Fault {made.id} is in, {told}."])


@fault.command()
def clear(
    fault_id: Annotated[str, typer.Argument(metavar="[ID]")] = "",
    every: Annotated[bool, typer.Option("--all")] = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """End one fault, or all of them."""
    with reported():
        if bool(fault_id) == every:
            raise Usage("Name one fault, or say --all.")
        gateway = session.sandbox(wanted := _sandbox())
        ids = [f.id for f in gateway.list() if every or f.id == fault_id]
        if not ids and not every:
            raise Failed(f"There is no fault {fault_id}.")
        if not dry_run:
            gateway.clear(None if every else fault_id)
            _journal(wanted, "cleared", f"Ended: {', '.join(ids) or 'none'}", {"ids": ids})
        told = f"{'Would end' if dry_run else 'Ended'}: {', '.join(ids) or 'none'}."
        emit({"ids": ids, "applied": not dry_run}, as_json=as_json, text=[told])


def _row(found: Fault) -> tuple[object, ...]:
    from lib.gateways.faults import in_words

    until = f"{found.expires_at:%Y-%m-%d %H:%M:%S}" if found.expires_at else "it is cleared"
    return found.id, found.kind, in_words(found.scope), until


def _scope(kind: str, fields: Collection[str], pairs: list[str]) -> dict[str, Any]:
    """What the sandbox would refuse as well, with the nearest right name."""
    where = dict(map(_pair, pairs))
    for name in where:
        if name not in fields:
            near = nearest(name, fields) or tuple(fields)
            raise Usage(f"The fault {kind} has no {name!r}; did you mean {' or '.join(near)}?")
    if "region" in where:
        session.region(str(where["region"]))
    if "accelerator" in where:
        session.accelerator(str(where["accelerator"]))
    return where


def _pair(text: str) -> tuple[str, Any]:
    """key=value; numbers and truth values as such, everything else as text."""
    key, sign, value = text.partition("=")
    if not sign or not key:
        raise Usage(f"{text!r} is not key=value.")
    try:
        parsed = json.loads(value)
    except ValueError:
        return key, value
    return key, parsed if isinstance(parsed, bool | int | float) else value


def _journal(wanted: Settings, subject: str, message: str, body: dict[str, Any]) -> None:
    from lib.gateways.journal import Journal

    journal = Journal(wanted.journal_url)
    journal.append(
        "fault", at=wanted.now(), subject=subject, message=message, actor=session.actor(), body=body
    )
