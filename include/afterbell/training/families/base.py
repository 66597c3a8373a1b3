"""The interface of a model family: its parameters, its fit, and the text format of its models."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from afterbell.config.loader import Strict

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from afterbell.training.families.boosting import HeldRows


class Fit(Protocol):
    """A function that fits a model of a family."""

    def __call__(
        self,
        x: NDArray[np.float32],
        y: NDArray[np.float32],
        names: tuple[str, ...],
        params: Any,
        seed: int,
        weights: NDArray[np.float32] | None = None,
        /,
    ) -> bytes:
        """The model's text; see ``afterbell.training.families.fit_model``."""
        ...


class GroupsFit(Protocol):
    """A function that fits a model of a family for each of many groups of rows."""

    def __call__(
        self,
        x: NDArray[np.float32],
        y: NDArray[np.float32],
        starts: NDArray[np.int64],
        names: tuple[str, ...],
        params: Any,
        weights: NDArray[np.float32] | None = None,
        /,
    ) -> list[bytes]:
        """A text a group: that of ``Fit`` for its rows alone, ``starts[i]`` to ``starts[i + 1]``."""
        ...


class BestRounds(Protocol):
    """A function that says how many rounds of a family's fit predict other rows best."""

    def __call__(
        self,
        x: NDArray[np.float32],
        y: NDArray[np.float32],
        names: tuple[str, ...],
        params: Any,
        seed: int,
        weights: NDArray[np.float32] | None,
        held: HeldRows,
        /,
    ) -> int:
        """From 1 to ``params.rounds``: where the squared error of the held rows is least. Arguments as of ``Fit``."""
        ...


class Model(Protocol):
    """A fitted model."""

    @property
    def names(self) -> tuple[str, ...]:
        """The features it was fitted on, in the order of the columns."""
        ...

    def predict(self, x: NDArray[np.floating]) -> NDArray[np.float64]:
        """Scores, float64 (rows,), of ``x``, float32 or float64 (rows, features), NaN allowed."""
        ...

    def weights(self) -> dict[str, float]:
        """How much each feature counts, by its name, as the family's ``weights`` describes."""
        ...


@dataclass(frozen=True)
class Preparation:
    """What a family makes of the features alone, and keeps in a file: fits on the same rows can share it.

    Attributes:
        key: of a family's parameters those that decide it, as text; another text is another file.
        write: writes the file, which doesn't exist yet, for x, names, parameters; raises OSError if it can't.
        fit: as ``Family.fit``, from that file in place of x: the same bytes.
        best_rounds: as ``Family.best_rounds``, likewise; None where the family has no rounds.
    """

    key: Callable[[Any], str]
    write: Callable[[NDArray[np.float32], tuple[str, ...], Any, Path], None]
    fit: Callable[[Path, NDArray[np.float32], tuple[str, ...], Any, int, NDArray[np.float32] | None], bytes]
    best_rounds: (
        Callable[[Path, NDArray[np.float32], tuple[str, ...], Any, int, NDArray[np.float32] | None, HeldRows], int]
        | None
    ) = None


@dataclass(frozen=True)
class Family:
    """One model family. A module of this package that defines ``FAMILY`` is registered under its name.

    Attributes:
        name: in specifications, forms and manifests: small letters, digits and underscores.
        params: the model of its block of YAML.
        suffix: of the files that its models are kept in.
        fit: makes a model's text; the same arguments give the same bytes.
        load: reads a model's text, without unpickling anything; raises PermanentError for any other bytes.
        weights: what ``Model.weights`` gives: total gains of splits, or coefficients of standardised features.
        slow: whether a fit takes seconds, so that it should begin first.
        packages: distributions that its numbers depend on.
        preparation: what fits on the same rows can share; None where there is nothing that takes long.
        best_rounds: counts rounds on rows that are held back; None where ``params`` has no ``rounds``.
        draws: whether a fit draws random numbers, so that another seed gives another model.
        fit_groups: fits many groups of rows faster than one after the other, to the same bytes; None to do just that.
        predict_groups: likewise scores, float64 (rows,), of each row of x by the model whose index it is given.
    """

    name: str
    params: type[Strict]
    suffix: str
    fit: Fit
    load: Callable[[bytes], Model]
    weights: Literal["gains", "coefficients"]
    slow: bool = False
    packages: tuple[str, ...] = ()
    preparation: Preparation | None = None
    best_rounds: BestRounds | None = None
    draws: bool = True
    fit_groups: GroupsFit | None = None
    predict_groups: Callable[[Sequence[Any], NDArray[np.floating], NDArray[np.integer]], NDArray[np.float64]] | None = (
        None
    )

    @property
    def has_defaults(self) -> bool:
        """Whether a specification may name the family without giving any parameter."""
        return not any(field.is_required() for field in self.params.model_fields.values())
