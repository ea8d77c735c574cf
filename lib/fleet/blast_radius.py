"""Which regions that serve a change would interrupt, and whether any would be left. Facts for `preview`; refuses nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lib.fleet import words
from lib.fleet.model import PlacementSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class BlastRadius:
    serving: Sequence[str]
    hit: Sequence[str]  # by name
    surplus: int = 0  # of those that serve, let go by a lower number; chosen when the time comes

    @property
    def last(self) -> tuple[str, ...]:
        """All that serve, where none would be left."""
        return tuple(self.serving) if len(self.hit) == len(self.serving) else ()

    @property
    def sentence(self) -> str:
        """ "" where no region that serves is interrupted."""
        count, left = len(self.serving), [r for r in self.serving if r not in self.hit]
        if self.surplus and left:
            return f"{self.surplus} of {count} serving regions, the cheapest to lose first; the others go on."
        if not self.hit:
            return ""
        if not left:
            hit = words.listed(self.hit)
            return f"{hit}: all that serves. The global address will answer nothing for a while."
        on = "goes on" if len(left) == 1 else "go on"
        return f"{words.listed(self.hit)}: {len(self.hit)} of {count} serving regions; {words.listed(left)} {on}."


def blast_radius(
    before: PlacementSpec, after: PlacementSpec, *, serving: Sequence[str], named: Sequence[str]
) -> BlastRadius:
    """`named`: the regions that the change itself takes away or breaks."""
    hit = [r for r in serving if r in named]
    lower = after.serving < before.serving and set(after.excluded) <= set(before.excluded)
    surplus = max(0, len(serving) - max(after.serving, len(after.pinned))) if lower else 0
    return BlastRadius(
        serving=serving, hit=serving if serving and surplus == len(serving) else hit, surplus=surplus
    )
