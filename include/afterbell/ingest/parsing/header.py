"""Maps the fields of a drop of lines to columns: by its header, or as declared; never guessed. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from afterbell.errors import CorruptDropError
from afterbell.ingest.parsing.decode import Text
from afterbell.ingest.parsing.fields import has_value
from afterbell.ingest.parsing.strict import Fields
from afterbell.sources.source import Source


def read_header(source: Source, key: str, text: Text) -> tuple[Fields, Text, list[str]]:
    """Read the header of a drop: the fields of its lines.

    Args:
        source: what the drop should be.
        key: the drop's name, for messages.
        text: its lines.

    Returns:
        The fields, the lines after the header, and the names of columns that the source doesn't declare and allows.

    Raises:
        CorruptDropError: the header isn't the declared one, or it is unclear whether line 1 is a header.
    """
    declared, day = tuple(source.columns), source.session_of(key)
    if not text.data:
        return Fields(source, None, declared, day), text, []
    end = text.data.index(b"\n")
    first = text.data[:end].decode().removesuffix("\r")
    names = split_names(source, first)
    if source.format.header != "required" and _has_no_header(source, key, names):
        return Fields(source, None, declared, day), text, []
    missing = [name for name in declared if name not in names]
    extra = [name for name in names if name not in declared]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if missing or repeated or (extra and source.format.extra_columns == "refuse"):
        raise CorruptDropError(
            f"drop {key}: expected {_expected(source)}, found {first[:120]!r} "
            f"(missing: {', '.join(missing) or 'none'}; not declared: {', '.join(extra)[:120] or 'none'}; "
            f"repeated: {', '.join(repeated)[:120] or 'none'})"
        )
    return Fields(source, first, names, day), Text(text.data, 2, end + 1), extra


def split_names(source: Source, line: str) -> tuple[str, ...]:
    """The fields of a line, without the spaces around them."""
    return tuple(name.strip() for name in line.split(source.format.delimiter))


def is_reordered(names: Sequence[str], line: Sequence[str]) -> bool:
    """Whether the fields of ``line`` are ``names`` in another order, in whatever letters."""
    expected, actual = [name.lower() for name in names], [name.lower() for name in line]
    return sorted(expected) == sorted(actual) and expected != actual


def _expected(source: Source) -> str:
    return f"the header {source.format.delimiter.join(source.columns)!r}"


def _has_no_header(source: Source, key: str, fields: Sequence[str]) -> bool:
    """Whether line 1 is a row already, with its fields in the declared order.

    A field that is a date, a number, a time or a truth value where one is declared makes it a row: no name is one.
    """
    names = {name.lower() for name in source.columns}
    alike = sum(field.lower() in names for field in fields)
    if source.format.header == "none":
        if alike * 2 > len(names) and not _is_row(source, key, fields):
            raise CorruptDropError(
                f"drop {key}: expected no header, as source {source.name} declares, found one in line 1, "
                f"{source.format.delimiter.join(fields)[:120]!r}: declare header: required to read by names"
            )
        return True
    if set(fields) & set(source.columns) and not _is_row(source, key, fields):
        return False
    if len(fields) == len(source.columns) and _is_row(source, key, fields):
        return True
    raise CorruptDropError(
        f"drop {key}: expected {_expected(source)} or a row of {len(source.columns)} fields in that order, found "
        f"{source.format.delimiter.join(fields)[:120]!r} in line 1; which columns these are cannot be known"
    )


def _is_row(source: Source, key: str, fields: Sequence[str]) -> bool:
    day = source.session_of(key)
    pairs = zip(source.columns.values(), fields, strict=False)
    return any(column.type != "string" and has_value(column, field, source.time_zone, day) for column, field in pairs)
