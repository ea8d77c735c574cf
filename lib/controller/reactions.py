"""What the loop does about an error: the row of `lib.fleet.failures` that its answer fits, or that its class has.

Only the look-up; how long something was tried already is for who acts to know.
"""

from __future__ import annotations

from lib.fleet.failures import OWN, Row, Then
from lib.gateways.errors import AtlasError

__all__ = ["Row", "Then", "reaction_to"]


def reaction_to(error: AtlasError) -> Row:
    """An error of a new kind is at least tried again."""
    if error.row is not None:
        return error.row
    return next(row for kind in type(error).__mro__ if (row := OWN.get(kind.__name__)) is not None)
