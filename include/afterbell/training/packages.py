"""The distributions whose versions must agree, those of the registered model families among them.

It stands above ``afterbell.packages``, which must not know any family, and outside ``families``, whose code is part of
a candidate's id.
"""

from __future__ import annotations

from afterbell.packages import SHARED
from afterbell.training.families import FAMILIES


def all_packages() -> tuple[str, ...]:
    """``SHARED``, and what the numbers of every registered family depend on."""
    return tuple(dict.fromkeys([*SHARED, *(name for family in FAMILIES.values() for name in family.packages)]))
