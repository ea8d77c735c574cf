"""How many places to ask at once for what is missing, so that a refusal costs no time.

One attempt at a time wastes a whole attempt for each refusal. So as many are sent as together are likely to bring what
is missing, and twice as many after each round that was refused, for odds are wrong just then. It knows neither what
an attempt costs nor how to send one; too many answers are let go by whoever asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

BEYOND = 0.3  # successes expected beyond what is missing
MOST_ROUNDS = 3  # refused rounds that double; later ones ask as many as the third

Order = Callable[[str, Sequence[str]], float]


def sought(missing: int, refused_rounds: int = 0) -> float:
    """What the odds of all attempts in flight must sum up to."""
    return (missing + BEYOND) * 2 ** min(refused_rounds, MOST_ROUNDS) if missing > 0 else 0.0


def to_ask(  # noqa: PLR0913 - the rule's terms, each by name
    odds: Mapping[str, float],
    *,
    missing: int,
    refused_rounds: int = 0,
    waiting: Iterable[str] = (),
    copies: Mapping[str, int] | None = None,
    order: Order | None = None,
) -> tuple[str, ...]:
    """Places to ask now, a name for each attempt, the first the most wanted; empty when what waits is enough.

    `odds`: of one more attempt in each place that may be asked; a place left out is never asked. `waiting`: places of
    attempts without an answer yet, one name each; they count, and are not asked again. `copies`: how many attempts
    a place may take at once, where not one. `order`: less comes first, given a place and what was chosen before it;
    the likeliest first when left out. Ties go by the order of `odds`.
    """
    waits = tuple(waiting)
    goal, sure = sought(missing, refused_rounds), sum(odds.get(place, 0.0) for place in waits)
    left, chosen = [place for place in odds if place not in waits], list[str]()
    while left and sure < goal:
        place = min(left, key=lambda p: order(p, chosen) if order else -odds[p])
        left.remove(place)
        count = (copies or {}).get(place, 1)
        chosen += [place] * count
        sure += odds[place] * count
    return tuple(chosen)
