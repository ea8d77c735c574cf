"""The rules of a capacity probe: what it is called, what it costs, and when none may be made.

A probe asks for one GPU machine and gives it back at once: a reservation for on-demand, a VM for Spot (reservations don't
take Spot). It is the surest evidence there is and the only kind that costs money. Who asks is `gateways.probe`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from lib.fleet import catalog, words
from lib.fleet.model import Attempt, Outcome, Provisioning, RegionCapacity
from lib.fleet.signals import alternatives_of, quota_of, quota_words

PREFIX = "atlas-probe"
WINDOW = timedelta(minutes=10)  # one probe per zone and GPU
DAILY_USD = 1.0
BILLED_S = 60.0  # the shortest time that Compute bills
PATIENCE = timedelta(minutes=5)  # a probe of somebody else that is older has been left behind
_NAME = re.compile(rf"{PREFIX}-(?P<model>standard|spot)-(?P<gpu>[a-z0-9-]+)-(?P<at>\d{{9,11}})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    region: str
    zone: str
    accelerator: str
    provisioning: Provisioning
    at: datetime

    @property
    def name(self) -> str:
        return f"{PREFIX}-{self.provisioning.lower()}-{self.accelerator}-{int(self.at.timestamp())}"

    @property
    def usd(self) -> float:
        """What Compute bills at least."""
        price = catalog.usd_per_hour(self.accelerator, self.provisioning, self.region)
        return (price or 0.0) * BILLED_S / 3600

    @property
    def thing(self) -> str:
        return "VM" if self.provisioning is Provisioning.SPOT else "reservation"


def probe_from(name: str, zone: str) -> Probe | None:
    """The probe that a thing's name tells of; None for what is none."""
    told = _NAME.fullmatch(name)
    if told is None:
        return None
    region = max((r for r in catalog.REGIONS if zone.startswith(f"{r}-")), key=len, default="")
    return Probe(
        region=region,
        zone=zone,
        accelerator=told["gpu"],
        provisioning=Provisioning(told["model"].upper()),
        at=datetime.fromtimestamp(int(told["at"]), UTC),
    )


def spent(made: Iterable[Probe], now: datetime) -> float:
    """Dollars of the last 24 hours."""
    return sum(p.usd for p in made if now - p.at < timedelta(days=1))


def refusal(
    wanted: Probe, made: Iterable[Probe], known: RegionCapacity | None, *, room_usd: float | None = None
) -> str:
    """Why it may not, or need not, be made; "" when it may. `made`: earlier ones; `room_usd`: what the placement's
    hourly budget leaves, None where that isn't known."""
    held = list(made)
    gpu = catalog.short(wanted.accelerator)
    if known is None:
        return f"Nothing is known of {wanted.region} yet, so what a probe there would mean isn't either."
    offering = known.offered.get(wanted.accelerator, ())
    if wanted.zone not in offering:
        letters = words.letters(wanted.region, offering)
        instead = f"zones {letters} do" if offering else f"no zone of {wanted.region} does"
        return f"{wanted.zone} doesn't offer {gpu}; {instead}."
    if (gpus := catalog.ACCELERATORS[wanted.accelerator].gpus) > 1:
        return f"{gpu} is only sold with {gpus} GPUs a machine, which is no cheap probe."
    quota = quota_of(known, wanted.accelerator, wanted.provisioning)
    if quota is not None and quota.limit - quota.usage < 1:
        return f"{quota_words(quota)} A probe would only be told so."
    return _by_limits(wanted, held, room_usd)


def _by_limits(wanted: Probe, made: list[Probe], room_usd: float | None) -> str:
    same = [p for p in made if (p.zone, p.accelerator) == (wanted.zone, wanted.accelerator)]
    last = max((p.at for p in same), default=None)
    gpu = catalog.short(wanted.accelerator)
    if last is not None and wanted.at - last < WINDOW:
        return (
            f"{wanted.zone} was probed for {gpu} at {words.at(last)}; the next probe there may be made at "
            f"{words.at(last + WINDOW)}."
        )
    already = spent(made, wanted.at)
    if already + wanted.usd > DAILY_USD:
        return f"Probes have cost {cents(already)} in the last 24 hours; with this one they would pass {cents(DAILY_USD)}."
    hourly = catalog.usd_per_hour(wanted.accelerator, wanted.provisioning, wanted.region)
    if room_usd is not None and hourly is not None and hourly > room_usd + 1e-9:
        return f"The budget leaves {words.usd(max(0.0, room_usd))}, and one {gpu} machine costs {words.usd(hourly)}."
    return ""


def best_zone(
    region: str,
    known: RegionCapacity | None,
    accelerator: str,
    made: Iterable[Probe],
    attempts: Iterable[Attempt],
) -> str:
    """Where to probe when no zone is named: one that Google named, else one that was not probed or refused lately."""
    zones = known.offered.get(accelerator, ()) if known else ()
    told = [a for a in attempts if a.accelerator == accelerator]
    named = {z for a in told for z in alternatives_of(a.message)}
    last: dict[str, datetime] = {}
    tried = [(p.zone, p.at) for p in made if p.accelerator == accelerator]
    tried += [(a.zone, a.at) for a in told if a.outcome is not Outcome.OBTAINED]
    for zone, at in tried:
        last[zone] = max(at, last.get(zone, at))
    never = datetime.fromtimestamp(0, UTC)
    return min(
        zones, key=lambda z: (z not in named or z in last, last.get(z, never), z), default=f"{region}-?"
    )


def plan_words(wanted: Probe, made: Iterable[Probe]) -> tuple[str, ...]:
    """What is asked to be confirmed: what is made, what it costs, what limits there are."""
    machine = catalog.ACCELERATORS[wanted.accelerator].machine_type
    gpu, model = (
        catalog.short(wanted.accelerator),
        "Spot" if wanted.provisioning is Provisioning.SPOT else "on-demand",
    )
    hourly = catalog.usd_per_hour(wanted.accelerator, wanted.provisioning, wanted.region) or 0.0
    return (
        f"Create the {wanted.thing} {wanted.name} ({machine}, one {gpu}, {model}) in {wanted.zone}, and delete it at once.",
        f"Cost: about {cents(wanted.usd)} if it is had (one minute of {words.usd(hourly)}), nothing if it is refused.",
        f"Limits: one probe per zone and GPU in {WINDOW.seconds // 60} min, {cents(DAILY_USD)} in 24 h "
        f"({cents(spent(made, wanted.at))} spent).",
    )


def told(wanted: Probe, outcome: Outcome, message: str, took_s: float) -> str:
    gpu, model = (
        catalog.short(wanted.accelerator),
        "Spot" if wanted.provisioning is Provisioning.SPOT else "on demand",
    )
    if outcome is Outcome.OBTAINED:
        return f"{wanted.zone} has {gpu} {model}: the {wanted.thing} stood after {words.duration(took_s)} and is deleted."
    if outcome is Outcome.QUOTA:
        return f"{wanted.zone} was not tried for stock, because quota refused {gpu} {model}: {message}"
    others = alternatives_of(message)
    named = f" Google names {words.listed(others)} as having capacity." if others else ""
    return f"{wanted.zone} is out of {gpu} {model} now.{named}"


def cents(usd: float) -> str:
    return f"${usd:.2f}" if usd >= 0.1 or not usd else f"${usd:.4f}"
