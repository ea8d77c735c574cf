"""How often Python's cyclic garbage collector runs in the controller: seldom.

What a look makes (decoded answers, frozen observations) holds no cycles, so reference counts free it at once. At the
usual pace the collector still walked over all of it again and again: a quarter of the controller's CPU at a thousand
clusters. It does run, for what does hold cycles.
"""

from __future__ import annotations

import gc

YOUNG, MIDDLE, OLD = 50_000, 20, 100


def calm() -> None:
    """To be called once the process has imported what it needs: that lives as long as the process does."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, OLD)
