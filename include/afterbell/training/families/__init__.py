"""Model families, one module each: fit gives bytes in a text format, bytes give a model back.

A family is registered by its module alone: whatever module of this package defines ``FAMILY`` is one. DAG files import
all of them for their names and parameters, over and over, so numeric libraries are imported where they are used.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from afterbell.errors import PermanentError
from afterbell.training.families.base import Family, Model

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def _discover() -> Mapping[str, Family]:
    modules = (import_module(f"{__name__}.{info.name}") for info in pkgutil.iter_modules(__path__))
    families = [module.FAMILY for module in modules if hasattr(module, "FAMILY")]
    return MappingProxyType({family.name: family for family in sorted(families, key=lambda family: family.name)})


FAMILIES = _discover()
"""The registered families by name, in the order of their names."""


def family_of(name: str) -> Family:
    """The family ``name``.

    Raises:
        PermanentError: there is no such family.
    """
    if name not in FAMILIES:
        raise PermanentError(f"model family {name!r} is not known; expected one of {', '.join(FAMILIES)}")
    return FAMILIES[name]


def load_model(family: str, body: bytes) -> Model:
    """The model that ``body`` describes, in the declared text format of ``family``, or packed; nothing is unpickled.

    Raises:
        PermanentError: the family is not known, or ``body`` is not in its format.
    """
    from afterbell.training.packed import is_packed, read_packed  # noqa: PLC0415 - as numeric libraries, see above

    registered = family_of(family)
    if not is_packed(body):
        return registered.load(body)
    from afterbell.training.families.composite.ensemble import EnsembleModel  # noqa: PLC0415
    from afterbell.training.families.composite.grouped import GroupedModel  # noqa: PLC0415

    packed = read_packed(body, family)
    if packed.kind == "ensemble":
        return EnsembleModel(packed, registered.load)
    return GroupedModel(packed, registered, lambda part: load_model(family, part))


def fit_model(
    family: str,
    x: NDArray[np.float32],
    y: NDArray[np.float32],
    names: tuple[str, ...],
    *,
    params: Any,
    seed: int,
    weights: NDArray[np.float32] | None = None,
) -> bytes:
    """Fit one model and return its text: the same arguments give the same bytes.

    Args:
        family: the name of a registered family.
        x: float32 (rows, features), NaN where a factor is not defined; a layout of columns is not copied.
        y: float32 (rows,), finite.
        names: of the features.
        params: the family's parameters, a ``Family.params``.
        seed: below 2**31, for families that draw random numbers.
        weights: float32 (rows,), above 0: how much each row counts; None where all count the same.

    Raises:
        PermanentError: the family is not known.
    """
    return family_of(family).fit(x, y, names, params, seed, weights)
