"""Declarations of a source of reported corporate actions, besides those of every source. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from afterbell.sources.column import ColumnType

ActionKind = Literal["split", "dividend"]
Kinds = ActionKind | dict[str, ActionKind]
"""The kind of all rows of a source, or that of each text in its column ``kind``."""

VALUES = ("factor", "ratio", "amount")
"""The price factor; new shares for one old; cash a share in the listing's currency. A row has at least one of them."""

CUMULATIVE = ("factor", "split_factor")
"""Of a source of cumulative factors: of payouts and of splits, each valid up to and including its day."""

_TYPES: dict[str, ColumnType] = {
    "ex_session": "date",
    **dict.fromkeys((*VALUES, "split_factor"), "double"),
    "kind": "string",
}


def check_reported(columns: Mapping[str, ColumnType], kinds: Kinds | None, *, cumulative: bool = False) -> None:
    """Check that the columns of a source of kind ``actions`` give all that an action needs.

    Args:
        columns: types by our names.
        kinds: as the source declares them.
        cumulative: whether rows are cumulative factors.

    Raises:
        ValueError: they don't; the message states what to write.
    """
    wrong = [f"{name}: {_TYPES[name]}" for name in columns if name in _TYPES and columns[name] != _TYPES[name]]
    if wrong:
        raise ValueError(f"columns of a fixed type have another one; expected {', '.join(wrong)}")
    if cumulative:
        _check_cumulative(columns, kinds)
        return
    if "split_factor" in columns:
        raise ValueError("split_factor belongs to cumulative factors: add cumulative: true, or call the column ratio")
    if not set(VALUES) & set(columns):
        raise ValueError(f"columns of actions must map one or more to: {', '.join(VALUES)}")
    if isinstance(kinds, dict) != ("kind" in columns):
        raise ValueError(
            "a column `kind` and a mapping of its texts belong together, such as kinds: {S: split, D: dividend}; for "
            "one kind of all rows leave the column out and write kinds: split or kinds: dividend"
        )
    if "factor" in columns and kinds is None:
        raise ValueError("a factor does not show whether shares change in number: add kinds: split, or dividend")
    for name, kind in (("ratio", "dividend"), ("amount", "split")):
        if name in columns and kinds == kind:
            raise ValueError(f"kinds: {kind} contradicts the column {name}; leave kinds out, or map a column `kind`")


def _check_cumulative(columns: Mapping[str, ColumnType], kinds: Kinds | None) -> None:
    if not set(CUMULATIVE) & set(columns):
        raise ValueError(f"columns of cumulative actions must map one or more to: {', '.join(CUMULATIVE)}")
    wrong = sorted({"ratio", "amount", "kind"} & set(columns))
    if wrong or kinds is not None:
        others = ", ".join([*wrong, "kinds"])
        raise ValueError(f"cumulative factors are of payouts (factor) and splits (split_factor); leave out {others}")
