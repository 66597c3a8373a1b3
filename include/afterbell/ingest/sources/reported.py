"""What a source of reported corporate actions declares beside what every source does. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from afterbell.ingest.sources.layout import ColumnType

ActionKind = Literal["split", "dividend"]
Kinds = ActionKind | dict[str, ActionKind]
"""The kind of all rows of a source, or that of each text in its column ``kind``."""

VALUES = ("factor", "ratio", "amount")
"""The price factor; new shares for one old; cash a share in the listing's currency. A row has one of them at least."""

_TYPES: dict[str, ColumnType] = {
    "ex_session": "date",
    **dict.fromkeys(VALUES, "double"),
    "kind": "string",
}


def check_reported(columns: Mapping[str, ColumnType], kinds: Kinds | None) -> None:
    """Whether the columns of a source of kind ``actions`` say all that an action needs.

    Args:
        columns: types by our names.
        kinds: as the source declares them.

    Raises:
        ValueError: they don't; the message says what to write.
    """
    wrong = [f"{name}: {_TYPES[name]}" for name in columns if name in _TYPES and columns[name] != _TYPES[name]]
    if wrong:
        raise ValueError(f"columns of a fixed type have another one; expected {', '.join(wrong)}")
    if not set(VALUES) & set(columns):
        raise ValueError(f"columns of actions must map one or more to: {', '.join(VALUES)}")
    if isinstance(kinds, dict) != ("kind" in columns):
        raise ValueError(
            "a column `kind` and a mapping of its texts belong together, such as kinds: {S: split, D: dividend}; for "
            "one kind of all rows leave the column out and write kinds: split or kinds: dividend"
        )
    if "factor" in columns and kinds is None:
        raise ValueError("a factor does not say whether shares change in number: add kinds: split, or dividend")
    for name, kind in (("ratio", "dividend"), ("amount", "split")):
        if name in columns and kinds == kind:
            raise ValueError(f"kinds: {kind} contradicts the column {name}; leave kinds out, or map a column `kind`")
