"""All factor sets; one file for each."""

from __future__ import annotations

from afterbell.errors import ConfigError
from afterbell.features.factors import FactorSet
from afterbell.features.sets.alpha158 import ALPHA158
from afterbell.features.sets.alpha360 import ALPHA360
from afterbell.features.sets.core import CORE
from afterbell.features.sets.cross_section import CROSS_SECTION
from afterbell.features.sets.fundamental import FUNDAMENTAL

SETS = {factors.name: factors for factors in (ALPHA158, ALPHA360, CORE, CROSS_SECTION, FUNDAMENTAL)}


def factor_set(name: str) -> FactorSet:
    """The factor set ``name``.

    Raises:
        ConfigError: no set has that name; the message lists the names of all sets.
    """
    if name not in SETS:
        raise ConfigError(f"factor set {name!r} is not known: use one of {', '.join(sorted(SETS))}")
    return SETS[name]
