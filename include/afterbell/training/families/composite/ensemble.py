"""A model that is the mean of its members: models of one family, of other seeds or other training windows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from afterbell.errors import PermanentError
from afterbell.training.packed import Packed, is_packed, pack

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from afterbell.training.families.base import Model


def pack_members(family: str, bodies: Sequence[bytes]) -> bytes:
    """The text of the mean of ``bodies``, texts of models of ``family``: of one member its own text."""
    if len(bodies) == 1:
        return bodies[0]
    return pack("ensemble", family, {f"{number:03d}": body for number, body in enumerate(bodies)})


def mean_weights(models: Sequence[Model], names: Sequence[str]) -> dict[str, float]:
    """The mean of the models' weights of the features ``names``."""
    weights = [model.weights() for model in models]
    return {name: sum(own[name] for own in weights) / len(weights) for name in names}


class EnsembleModel:
    """The mean of models on the same features."""

    def __init__(self, packed: Packed, load: Callable[[bytes], Model]) -> None:
        """Every member is read.

        Args:
            packed: the members' texts.
            load: reads one.

        Raises:
            PermanentError: a member is broken or packed itself, or takes other features than the first.
        """
        bodies = [packed.open(name) for name in packed]
        if any(map(is_packed, bodies)):
            raise PermanentError(
                f"a member of an ensemble of {packed.family} models is a packed text itself: it was not loaded; train "
                "again"
            )
        self._members = [load(body) for body in bodies]
        self.names: tuple[str, ...] = self._members[0].names
        if any(member.names != self.names for member in self._members):
            raise PermanentError(
                f"the members of an ensemble of {packed.family} models take different features: it was not loaded; "
                "train again"
            )

    def predict(self, x: NDArray[np.floating]) -> NDArray[np.float64]:
        """The members' mean score, float64 (rows,), of ``x`` (rows, features) in the order of ``names``."""
        import numpy as np  # noqa: PLC0415 - see the package

        total = np.zeros(len(x))
        for member in self._members:  # one after the other: a sum in one order
            total += member.predict(x)
        return total / len(self._members)

    def weights(self) -> dict[str, float]:
        """The mean of the members' weights."""
        return mean_weights(self._members, self.names)
