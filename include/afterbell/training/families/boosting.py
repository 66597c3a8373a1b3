"""What families of boosted trees share: monotone constraints, the size of leaves, and rows held back for the rounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from afterbell.errors import PermanentError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Monotone = Annotated[
    dict[str, Literal[1, -1]],
    # Left out where it is empty: the identity of fits and candidates is that of a file without it.
    Field(default_factory=dict, exclude_if=lambda directions: not directions),
]
"""1 or -1 by feature: predictions may only rise, or only fall, with the feature; other features are free."""

_LEAST_LEAF_ROWS = 20


def leaf_rows(share: float, rows: float) -> int:
    """The fewest of ``rows`` training rows that a leaf may have: ``share`` of them, and never less than 20."""
    return max(_LEAST_LEAF_ROWS, int(share * rows))


def directions_of(monotone: Mapping[str, int], names: tuple[str, ...]) -> list[int]:
    """1, -1 or 0 for each of the features ``names``; an empty list where none is constrained.

    Raises:
        PermanentError: a constraint names no feature.
    """
    if unknown := sorted(set(monotone) - set(names)):
        raise PermanentError(
            f"monotone names {unknown[0]!r}, which is none of the {len(names)} features of the model "
            f"({', '.join(names[:5])}, ...): name a feature of its feature_sets, or take the constraint out"
        )
    return [monotone.get(name, 0) for name in names] if monotone else []


@dataclass(frozen=True)
class HeldRows:
    """Rows on which rounds are counted.

    Attributes:
        x: float32 (rows, features).
        y: float32 (rows,), finite.
        weights: float32 (rows,), above 0; None where all count the same.
        patience: rounds without a smaller squared error after which no more are made.
    """

    x: NDArray[np.float32]
    y: NDArray[np.float32]
    weights: NDArray[np.float32] | None
    patience: int
