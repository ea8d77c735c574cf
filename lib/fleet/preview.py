"""What a change of the spec would do, before anybody confirms it: calls, commits, cost, blast radius, undo.

It tells what the loop is expected to do from what is known now; the loop decides anew when the time comes. It
refuses nothing (that is `intent`'s) and changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from lib.fleet import catalog, words
from lib.fleet.blast_radius import BlastRadius, blast_radius
from lib.fleet.changed import list_changes, number_changes
from lib.fleet.expected_cost import Expected, expected
from lib.fleet.model import (
    Override,
    Phase,
    PlacementSpec,
    PlacementStatus,
    Provisioning,
    RegionStatus,
    RegionView,
    Rollout,
)
from lib.fleet.names import cluster_name, link, sync_directory

MCS = "stable-diffusion-webui-mcs"


class Names(Protocol):
    """What is needed to spell resource names; lib.settings.Settings has it."""

    @property
    def project(self) -> str: ...
    @property
    def config_region(self) -> str: ...
    @property
    def config_cluster(self) -> str: ...
    @property
    def placement(self) -> str: ...
    @property
    def namespace(self) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangePreview:
    sentence: str
    calls: tuple[str, ...]  # API calls with resource names, in their order
    commits: tuple[str, ...]  # to the delivery repository
    usd_per_hour_before: float
    usd_per_hour_after: float
    blast_radius: str
    undo: str
    last: tuple[str, ...] = ()  # the regions that serve, where none would be left
    cost_note: str = ""  # on what the cost rests where the platform itself will choose


def preview(
    before: PlacementSpec,
    after: PlacementSpec,
    *,
    status: PlacementStatus,
    views: Sequence[RegionView],
    config: Names,
) -> ChangePreview:
    change = _Change(before=before, after=after, status=status, views=views, config=config)
    likely = change.expected()
    return ChangePreview(
        sentence=change.sentence(),
        calls=tuple(change.calls()),
        commits=tuple(change.commits()),
        usd_per_hour_before=round(status.usd_per_hour, 4),
        usd_per_hour_after=round(max(0.0, status.usd_per_hour + change.cost() + likely.usd), 4),
        blast_radius=change.blast_radius(),
        undo=change.undo(),
        last=change.radius().last,
        cost_note=likely.note,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Change:
    before: PlacementSpec
    after: PlacementSpec
    status: PlacementStatus
    views: Sequence[RegionView]
    config: Names

    @property
    def regions(self) -> dict[str, RegionStatus]:
        return {r.region: r for r in self.status.regions}

    @property
    def added(self) -> list[str]:
        """Pinned now, and nothing of ours there yet."""
        pinned = [r for r in self.after.pinned if r not in self.before.pinned]
        return [r for r in pinned if r not in self.regions or r in self.before.excluded]

    @property
    def removed(self) -> list[str]:
        return [r for r in self.after.excluded if r not in self.before.excluded]

    @property
    def started(self) -> list[Override]:
        return [o for o in self.after.overrides if o not in self.before.overrides]

    @property
    def ended(self) -> list[Override]:
        return [o for o in self.before.overrides if o not in self.after.overrides]

    def touched(self, overrides: Iterable[Override]) -> list[str]:
        """Regions of ours that these overrides cover."""
        ours = [r.region for r in self.status.regions if r.region not in self.after.excluded]
        covered = list(overrides)
        return [r for r in ours if any(o.region in (None, r) for o in covered)]

    def sentence(self) -> str:
        found = [*self._region_sentences(), *self._switch_sentences()]
        if not self.added and not self.removed:  # those say it better
            found += number_changes(self.before, self.after)
        found += list_changes(self.before, self.after)
        return " ".join(found) or "Nothing changes."

    def _region_sentences(self) -> Iterator[str]:
        for region in self.added:
            gpu = self._gpu(region)
            yield f"{region} gets a cluster, is pinned and joins the global address once its {gpu} serves."
        kept = [r for r in self.after.pinned if r not in self.before.pinned and r not in self.added]
        for region in kept:
            yield f"{region} is pinned: it stays, whatever else is chosen."
        for region in self.removed:
            yield f"{region} leaves the global address, is drained, and its cluster is deleted."

    def _switch_sentences(self) -> Iterator[str]:
        for override in self.started:
            where, gpu = words.listed(self.touched([override])), catalog.short(override.accelerator)
            if override.commit:
                yield f"{where}: again what {override.commit[:7]} held ({gpu}), under a lease."
                continue
            yield f"{where}: {gpu} is asked for, {override.rollout.value}."
            yield from self._switch_warnings(override)
        if self.ended and not self.started:
            over = {o.commit[:7] for o in self.ended if o.commit}
            own = (
                f"rendered anew, no longer as {words.listed(sorted(over))} held it"
                if over
                else ("back to the placement's own GPU")
            )
            yield f"{words.listed(self.touched(self.ended))}: {own}."

    def _switch_warnings(self, override: Override) -> Iterator[str]:
        gpu = catalog.short(override.accelerator)
        missing = [r for r in self.touched([override]) if not self._offered(override.accelerator, r)]
        if missing and override.rollout is Rollout.HARD:
            yield f"{gpu} isn't offered in {words.listed(missing)}: there it will be NotOffered."
        price = self._dearest(override)
        if override.rollout is Rollout.HARD and self.status.usd_per_hour + price > self.after.max_hourly_usd:
            yield (
                f"If a {gpu} is found, {words.usd(price)} would pass the budget of "
                f"{words.usd(self.after.max_hourly_usd)}: the drill ends at once then."
            )

    def _dearest(self, override: Override) -> float:
        prices = (
            catalog.usd_per_hour(override.accelerator, Provisioning.STANDARD, r)
            for r in self.touched([override])
        )
        return max((p for p in prices if p is not None), default=0.0)

    def _offered(self, accelerator: str, region: str) -> bool:
        view = next((v for v in self.views if v.region == region), None)
        judged = next((c for c in view.candidates if c.accelerator == accelerator), None) if view else None
        return view is None or not view.zones or (judged is not None and bool(judged.zones))

    def calls(self) -> Iterator[str]:
        names = self.config
        hub = f"{names.config_region}/{names.config_cluster}"
        yield f"PATCH {hub}: namespaces/{names.namespace}/gpuplacements/{names.placement}"
        for region in self.added:
            cluster, parent = cluster_name(region), f"projects/{names.project}/locations/{region}"
            yield f"container.CreateCluster {parent}/clusters/{cluster}"
            yield f"gkehub.UpdateFeature configmanagement: {parent}/memberships/{cluster}"
            yield f"PATCH {hub}: namespaces/{names.namespace}/multiclusterservices/{MCS} add {link(region)}"
        if not self.added and not self.removed:
            yield from self._chosen_calls()
        for region in (r for r in self.removed if r in self.regions):
            cluster, parent = cluster_name(region), f"projects/{names.project}/locations/{region}"
            yield f"PATCH {hub}: namespaces/{names.namespace}/multiclusterservices/{MCS} remove {link(region)}"
            yield f"gkehub.UpdateFeature configmanagement: without {parent}/memberships/{cluster}"
            yield f"container.DeleteCluster {parent}/clusters/{cluster}"

    def _chosen_calls(self) -> Iterator[str]:
        """Where the platform itself will choose the region."""
        more = self.after.serving + self.after.warm - self.before.serving - self.before.warm
        if more > 0:
            yield f"container.CreateCluster in {_regions(more)} that the platform chooses"
        elif more < 0:
            yield f"container.DeleteCluster in {_regions(-more)}, the cheapest to lose first, drained"

    def commits(self) -> Iterator[str]:
        for region in self.added:
            yield f"{sync_directory(cluster_name(region))}/ with {self._gpu(region)}, RollingUpdate"
        for region in (r for r in self.removed if r in self.regions):
            yield f"remove {sync_directory(cluster_name(region))}/"
        for override in self.started:
            how = "Recreate" if override.rollout is Rollout.HARD else "RollingUpdate"
            how = f"as {override.commit[:7]} held it" if override.commit else how
            for region in self.touched([override]):
                gpu = catalog.short(override.accelerator)
                yield f"{sync_directory(cluster_name(region))}/ with {gpu}, {how}"
        if not self.started:
            for region in self.touched(self.ended):
                yield f"{sync_directory(cluster_name(region))}/ with {self._gpu(region)}, RollingUpdate"

    def cost(self) -> float:
        """Change in USD per hour. A drill keeps the place of the normal GPU and costs more only if it obtains one."""
        extra = sum(self._price(r) for r in self.added)
        extra += (self.after.warm - self.before.warm) * catalog.CLUSTER_FEE_USD_PER_HOUR
        extra -= sum(self.regions[r].usd_per_hour for r in self.removed if r in self.regions)
        for override in (o for o in self.started if o.rollout is Rollout.SAFE):
            for region in self.touched([override]):
                now = self.regions[region]
                model = override.provisioning or now.provisioning
                after = catalog.usd_per_hour(override.accelerator, model, region) or 0.0
                extra += max(0.0, after + catalog.CLUSTER_FEE_USD_PER_HOUR - now.usd_per_hour)
        if self.ended and not self.started:
            extra += sum(self._price(r) - self.regions[r].usd_per_hour for r in self.touched(self.ended))
        return extra

    def _price(self, region: str) -> float:
        chosen = self._chosen(region)
        model = self.after.provisioning[0] if self.after.provisioning else Provisioning.STANDARD
        return (catalog.usd_per_hour(chosen, model, region) or 0.0) + catalog.CLUSTER_FEE_USD_PER_HOUR

    def _chosen(self, region: str) -> str:
        """The first preference that the region can take, as far as is known."""
        view = next((v for v in self.views if v.region == region), None)
        judged = {c.accelerator: c for c in view.candidates} if view else {}
        ranked = [a for a in self.after.accelerators if a in judged]
        able = [a for a in ranked if judged[a].eligible] or [a for a in ranked if judged[a].zones]
        return (able or list(self.after.accelerators))[0]

    def _gpu(self, region: str) -> str:
        return catalog.short(self._chosen(region))

    def radius(self) -> BlastRadius:
        serving = [r.region for r in self.status.regions if r.phase is Phase.SERVING]
        hard = [o for o in self.started if o.rollout is Rollout.HARD]
        named = [*self.touched(hard), *self.removed]
        return blast_radius(self.before, self.after, serving=serving, named=named)

    def blast_radius(self) -> str:
        safe = " The old replica serves until the new one is Ready." * bool(self.started)
        return self.radius().sentence or f"No region that serves is interrupted.{safe}"

    def expected(self) -> Expected:
        """Of what the platform itself will choose; a drill costs more only if it obtains its GPU."""
        hard = [o for o in self.started if o.rollout is Rollout.HARD]
        if hard:
            gpu, price = catalog.short(hard[-1].accelerator), words.usd(self._dearest(hard[-1]))
            return Expected(note=f"Unchanged until a {gpu} is found, which costs up to {price} a region.")
        if self.added or self.removed or self.started or self.ended:
            return Expected()
        return expected(self.before, self.after, status=self.status, views=self.views)

    def undo(self) -> str:
        if self.started:
            ends = next((o.expires_at for o in self.started if o.expires_at), None)
            return f"Recover{f'; or by itself at {words.at(ends)}' if ends else ''}."
        if self.added or self.removed:
            back = [f"Contract {r}" for r in self.added] + [f"Expand {r}" for r in self.removed]
            return f"{'; '.join(back)}."
        if self.ended:
            again = {"Roll back" if o.commit else "Switch the GPU" for o in self.ended}
            return f"{' or '.join(sorted(again))} again."
        numbers = (
            ("serving", "--serving"),
            ("warm", "--warm"),
            ("hedge", "--hedge"),
            ("max_hourly_usd", "--budget"),
        )
        back = [
            f"{option} {getattr(self.before, name):g}"
            for name, option in numbers
            if getattr(self.after, name) != getattr(self.before, name)
        ]
        if back and not any(list_changes(self.before, self.after)):
            return f"atlas set {' '.join(back)}."
        same = self.after == self.before
        return (
            "Nothing to undo."
            if same
            else "Apply the spec as it was: the journal's line of this change has it."
        )


def _regions(count: int) -> str:
    return f"{count} region{'' if count == 1 else 's'}"
