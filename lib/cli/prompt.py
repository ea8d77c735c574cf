"""`txt2img`: one picture through the global address, with its passport. Saves the PNG; draws nothing."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lib.cli import session
from lib.cli.output import Failed, Usage, emit, reported, settings
from lib.gateways.errors import AtlasError, JournalError, NotFound, TransientError, Unreachable
from lib.settings import Settings

if TYPE_CHECKING:
    from lib.gateways.txt2img import Picture, PictureRequest


def register(app: typer.Typer) -> None:
    app.command()(txt2img)


def txt2img(  # noqa: PLR0913, PLR0917 - one parameter an option
    prompt: str,
    out: Annotated[Path, typer.Option("-o", "--out", help="Where the PNG goes.")] = Path("picture.png"),
    negative_prompt: Annotated[str, typer.Option()] = "",
    seed: Annotated[int, typer.Option(help="-1 draws one.")] = -1,
    steps: Annotated[int, typer.Option()] = 20,
    width: Annotated[int, typer.Option()] = 512,
    height: Annotated[int, typer.Option()] = 512,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check the prompt and send nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Draw a picture wherever the global address sends the prompt."""
    from lib.gateways import txt2img as gateway

    with reported():
        asked = gateway.PictureRequest(
            prompt=prompt,
            negative_prompt=negative_prompt,
            seed=seed,
            steps=steps,
            width=width,
            height=height,
        )
        if wrong := gateway.problems(asked):
            raise Usage(" ".join(f"{name}: {sentence}" for name, sentence in wrong.items()))
        if not out.parent.is_dir():
            raise Failed(f"The folder {out.parent} does not exist.")
        if out.is_dir():
            raise Failed(f"{out} is a folder; name the file that the picture goes to.")
        if dry_run:
            told = f"Would send one prompt of {asked.width}x{asked.height} to the global address."
            emit({"request": asked, "applied": False}, as_json=as_json, text=[told])
            return
        wanted = settings()
        vip = _vip(wanted)
        if not vip:
            raise Failed("There is no global address yet; see atlas status.")
        drawn = _drawn(wanted, vip, asked)
        _save(drawn.png, out)
        p = drawn.passport
        told = (
            f"{out}: drawn by {p.accelerator} in {p.zone or p.region} ({p.cluster}, attempts: {p.attempts})."
        )
        emit({"file": out.absolute(), "passport": p}, as_json=as_json, text=[told])


def _drawn(wanted: Settings, vip: str, asked: PictureRequest) -> Picture:
    """The picture; journalled whether it was drawn or not, for drill reports count what users lost."""
    from lib.gateways import txt2img as gateway

    job = f"cli-{session.new_operation_id()}"
    try:
        drawn = gateway.generate(vip, asked, now=wanted.now, job_id=job)
    except AtlasError as e:
        _journal(wanted, asked, job, {"ok": False, "problem": str(e)})
        raise
    _journal(wanted, asked, job, {"ok": True, **asdict(drawn.passport)})
    return drawn


def _save(png: bytes, out: Path) -> None:
    try:
        out.write_bytes(png)
    except OSError as e:
        raise Failed(f"The picture was drawn, but {out} can't be written ({e.strerror}).") from e


def _journal(wanted: Settings, asked: PictureRequest, job: str, body: dict[str, Any]) -> None:
    """History only: that it can't be written is told and fails nothing."""
    from lib.gateways.journal import Journal

    try:
        Journal(wanted.journal_url).append(
            "prompt",
            at=wanted.now(),
            region=str(body.get("region", "")),
            message=asked.prompt[:300],
            actor=session.actor(),
            operation_id=job,
            body=body,
            key=f"prompt/{job}",
        )
    except JournalError as e:
        typer.echo(str(e), err=True)


def _vip(wanted: Settings) -> str:
    """From the placement, which is quick; from the load balancer itself when the config cluster is away, for
    that goes on serving without it."""
    try:
        return session.placements(wanted).get().status.vip
    except (NotFound, TransientError, Unreachable):
        if session.is_down(wanted):
            raise Failed(f"Nothing runs on {wanted.state_dir}; start it with ./atlas up.") from None
        from lib.gateways.compute import ComputeGateway  # seconds to import: only when it is needed

        return ComputeGateway(wanted).vip()
