"""Models of groups of rows, with the market's model for all other rows: a packed text, opened part by part."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from afterbell.errors import PermanentError
from afterbell.training.families.base import Family, Model
from afterbell.training.families.composite.ensemble import EnsembleModel, mean_weights
from afterbell.training.packed import Packed, is_packed, read_packed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_KINDS = ("symbol", "liquidity", "column")
_PROBED = 100
"""Models of which ``predict_all`` takes the scores at a time."""
MARKET = "*"
"""The part with the market's model."""


class GroupedModel:
    """The market's model and those of groups; only the former is opened before it is needed."""

    def __init__(self, packed: Packed, family: Family, load: Callable[[bytes], Model]) -> None:
        """Open the market's model.

        Args:
            packed: the text, of kind ``groups``.
            family: that its parts are of.
            load: opens a part.

        Raises:
            PermanentError: it has no model of the market, or that is not in its family's format.
        """
        if MARKET not in packed:
            raise PermanentError(f"a grouped {family.name} model has no part {MARKET!r}: it was not loaded")
        self._packed, self._family, self._load = packed, family, load
        self._market = self._open(MARKET)
        self.names: tuple[str, ...] = self._market.names
        self.groups: tuple[str, ...] = tuple(name for name in packed if name != MARKET)
        self.by = str(packed.about.get("by"))
        self._column = str(packed.about.get("column"))
        members = packed.about.get("members", {})
        if (
            self.by not in _KINDS
            or not isinstance(members, dict)
            or (self.by == "column") > (self._column in self.names)
        ):
            raise PermanentError(
                f"a grouped {family.name} model does not tell the groups of rows: expected one by "
                f"{', '.join(_KINDS)}, found {dict(packed.about)!s:.200}: it was not loaded; train again"
            )
        self._members: Mapping[str, str] = members

    def predict(self, x: NDArray[np.floating], groups: Sequence[str] | None = None) -> NDArray[np.float64]:
        """Scores, float64 (rows,), of ``x`` (rows, features) in the order of ``names``.

        Args:
            x: the features.
            groups: the name of each row's group, of ``groups_of``; the market's model scores those of a group without
                a model. None where rows are grouped by a feature: then their own values tell it.

        Raises:
            PermanentError: the groups are not given; or a part is not what was packed, or of other features.
        """
        import numpy as np  # noqa: PLC0415 - see the package

        given = self._by_column(x) if groups is None else groups
        wanted = [name if name in self._packed else MARKET for name in given]
        names, codes = np.unique(np.array(wanted, dtype=np.str_), return_inverse=True)
        models = [self._open(name) for name in names.tolist()]
        return predict_parts(self._family, models, x, codes)

    def groups_of(
        self, x: NDArray[np.floating], symbols: Sequence[str], liquidity: Mapping[str, str] | None = None
    ) -> Sequence[str]:
        """The name of the group of each row.

        Args:
            x: the features of the rows.
            symbols: theirs.
            liquidity: the group by liquidity of each symbol of the session. None for that of the newest session that
                the model was trained with, which is close to those of the sessions about it.
        """
        if self.by == "symbol":
            return symbols
        if self.by == "column":
            return self._by_column(x)
        members = self._members if liquidity is None else liquidity
        return [members.get(symbol, MARKET) for symbol in symbols]

    def _by_column(self, x: NDArray[np.floating]) -> list[str]:
        import numpy as np  # noqa: PLC0415 - see the package

        if self.by != "column":
            raise PermanentError(
                f"a {self._family.name} model grouped by {self.by} was given no groups: rows are scored with them"
            )
        values = x[:, self.names.index(self._column)]
        return [str(int(value)) if np.isfinite(value) and value == int(value) else MARKET for value in values.tolist()]

    def weights(self) -> dict[str, float]:
        """The mean of the groups' models; the market's where no group has one."""
        return mean_weights([self._open(name) for name in self.groups] or [self._market], self.names)

    def _open(self, name: str) -> Model:
        """The model of a part: a plain one, or an ensemble."""
        body = self._packed.open(name)
        if is_packed(body) and read_packed(body, self._family.name).kind == "groups":
            raise PermanentError(
                f"part {name!r} of a grouped {self._family.name} model is grouped itself: it was not loaded; train "
                "again"
            )
        model = self._load(body)
        if name != MARKET and model.names != self.names:
            raise PermanentError(
                f"part {name!r} of a grouped {self._family.name} model takes other features than the market's model: "
                "it was not loaded; train again"
            )
        return model


def predict_rows(
    model: Model, x: NDArray[np.floating], symbols: Sequence[str], liquidity: Mapping[str, str] | None = None
) -> NDArray[np.float64]:
    """Scores, float64 (rows,), by a model of any kind: each row's by the model of its group where there are groups.

    Args:
        model: the model.
        x: (rows, features), in the order of the model's names.
        symbols: of the rows.
        liquidity: see ``GroupedModel.groups_of``.
    """
    if isinstance(model, GroupedModel):
        return model.predict(x, model.groups_of(x, symbols, liquidity))
    return model.predict(x)


def predict_all(model: Model, x: NDArray[np.floating]) -> NDArray[np.float64]:
    """Scores, float64 (models, rows), of ``x`` by each of the models that ``model`` consists of."""
    import numpy as np  # noqa: PLC0415 - see the package

    if not isinstance(model, GroupedModel):
        return model.predict(x)[None]
    parts, scores = [MARKET, *model.groups], []
    for start in range(0, len(parts), _PROBED):
        names = parts[start : start + _PROBED]
        groups = [name for name in names for _ in range(len(x))]
        scores.append(model.predict(np.tile(x, (len(names), 1)), groups).reshape(len(names), -1))
    return np.concatenate(scores)


def predict_parts(
    family: Family, models: Sequence[Model], x: NDArray[np.floating], codes: NDArray[np.integer]
) -> NDArray[np.float64]:
    """Scores, float64 (rows,), of each row of ``x`` by the model whose index ``codes`` has for it.

    Args:
        family: of the models.
        models: the models, perhaps ensembles of such.
        x: float32 or float64 (rows, features).
        codes: (rows,).
    """
    import numpy as np  # noqa: PLC0415 - see the package

    if family.predict_groups is not None and not any(isinstance(model, EnsembleModel) for model in models):
        return family.predict_groups(models, x, codes)
    out = np.empty(len(codes))
    order = np.argsort(codes, kind="stable")
    ends = np.searchsorted(codes[order], np.arange(len(models) + 1))
    for model, start, end in zip(models, ends[:-1], ends[1:], strict=True):
        if start < end:
            rows = order[start:end]
            out[rows] = model.predict(np.ascontiguousarray(x[rows]))
    return out
