"""From the bytes of a drop to typed rows and quarantined lines. Pure: no store, no engine.

Lines are split here, not by a CSV reader, so that none can hide a line with too few or too many fields, join lines
across a stray quote, or turn "N/A" into an empty value.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import polars as pl

from afterbell.errors import CorruptDropError
from afterbell.ingest.decode import decode_lines
from afterbell.ingest.fields import type_checks, typed
from afterbell.ingest.sift import REJECTED, Check, sift
from afterbell.ingest.source import Column, Source
from afterbell.quality.rules import RuleSet

_CONTROL = r"[\x00-\x08\x0b-\x1f\x7f]"


@dataclass(frozen=True)
class ParsedDrop:
    """What a drop held.

    Attributes:
        rows: accepted rows, the source's columns in their types.
        rejected: lines set aside, as ``REJECTED``.
        lines: data lines, the header not counted.
        collapsed: rows that repeated another row of the drop exactly; one of each is in ``rows``.
    """

    rows: pl.DataFrame
    rejected: pl.DataFrame
    lines: int
    collapsed: int

    @property
    def empty(self) -> bool:
        """Whether the drop had no data line at all: zero bytes, or a header only."""
        return self.lines == 0


@dataclass(frozen=True)
class DropName:
    """Which drop it is, and the sessions its rows may be of."""

    key: str
    session: date
    carried: tuple[date, ...]


def parse_drop(source: Source, rules: RuleSet, name: DropName, body: bytes) -> ParsedDrop:
    """Read one drop.

    Raises:
        CorruptDropError: it can't be read as what the source declares: compression, size, encoding, header.
    """
    lines = decode_lines(source, name.key, body)
    header, fields, lines = _header(source, name.key, lines)
    total = lines.height
    lines, unreadable = sift(lines, _line_checks(source, header, len(fields)))
    rows, mistyped = _type(source, fields, lines)
    rows, refused = sift(rows, _content_checks(source, rules, name))
    rows, collapsed, repeated = _collapse(source, rules, rows)
    rejected = pl.concat([unreadable, mistyped, refused, repeated]).sort("line")
    return ParsedDrop(rows.drop("line", "raw"), rejected, total, collapsed)


def _header(source: Source, key: str, lines: pl.DataFrame) -> tuple[str | None, list[str], pl.DataFrame]:
    """The header line if there is one, the vendor's column name of each field, and the lines after the header."""
    declared = list(source.columns)
    if source.format.header == "none" or lines.is_empty():
        return None, declared, lines
    first: str = lines["raw"][0]
    found = [field.strip() for field in first.split(source.format.delimiter)]
    if source.format.header == "optional" and not set(found) & set(declared):
        if len(found) == len(declared):
            return None, declared, lines
        raise CorruptDropError(
            f"drop {key}: expected the header {','.join(declared)!r} or {len(declared)} fields, "
            f"found {first[:120]!r} in line 1"
        )
    missing = [column for column in declared if column not in found]
    extra = [column for column in found if column not in declared]
    if missing or len(set(found)) != len(found) or (extra and source.format.extra_columns == "refuse"):
        raise CorruptDropError(
            f"drop {key}: expected the header {source.format.delimiter.join(declared)!r}, found {first[:120]!r} "
            f"(missing: {', '.join(missing) or 'none'}; not declared: {', '.join(extra)[:120] or 'none'})"
        )
    return first, found, lines.slice(1)


def _line_checks(source: Source, header: str | None, fields: int) -> list[Check]:
    raw = pl.col("raw")
    limit = source.limits.line_bytes
    separators = raw.str.count_matches(source.format.delimiter, literal=True)
    checks = [
        Check(
            "line_too_long",
            raw.str.len_bytes() > limit,
            pl.format("expected at most {} bytes, found {}", pl.lit(limit), raw.str.len_bytes()),
        ),
        Check("control_character", raw.str.contains(_CONTROL), pl.lit("expected text without control characters")),
        Check(
            "field_count",
            separators != fields - 1,
            pl.format("expected {} fields, found {}", pl.lit(fields), separators + 1),
        ),
    ]
    if header is not None:
        repeated = Check("repeated_header", raw == header, pl.lit("the header line again, inside the body"))
        checks.insert(0, repeated)
    return checks


def _type(source: Source, fields: list[str], lines: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Split lines that have the right number of fields, and give each its column's type."""
    columns: list[Column] = [source.columns[name] for name in fields if name in source.columns]
    texts = [
        f"_text_{source.columns[name].name}" if name in source.columns else f"_extra_{number}"
        for number, name in enumerate(fields)
    ]
    split = pl.col("raw").str.split_exact(source.format.delimiter, len(fields) - 1).struct.rename_fields(texts)
    frame = lines.select("line", "raw", split.alias("_fields")).unnest("_fields")
    strings = [name for name in texts if name.startswith("_text_")]
    frame = frame.with_columns(pl.col(name).str.strip_chars(" ") for name in strings)
    frame = frame.with_columns(
        _blank_is_null(column, typed(column, pl.col(f"_text_{column.name}"))).alias(column.name) for column in columns
    )
    good, bad = sift(frame, type_checks(columns))
    ours = [column.name for column in source.columns.values()]
    return good.select("line", "raw", *ours), bad


def _blank_is_null(column: Column, value: pl.Expr) -> pl.Expr:
    return pl.when(value != "").then(value) if column.type == "string" else value


def _content_checks(source: Source, rules: RuleSet, name: DropName) -> list[Check]:
    symbol = pl.col("symbol")
    checks = [
        Check(
            "symbol_pattern",
            ~symbol.str.contains(f"^(?:{source.symbol_pattern})$"),
            pl.format("expected a symbol like {}, found '{}'", pl.lit(source.symbol_pattern), symbol.str.slice(0, 60)),
        )
    ]
    for column in (column.name for column in source.columns.values() if column.type == "date"):
        if column == "session":
            carried = ", ".join(day.isoformat() for day in name.carried)
            bad, words = ~pl.col(column).is_in(list(name.carried)), f"a row of {carried}"
            checks.append(Check("session_not_carried", bad, _expected(words, column)))
        else:
            bad, words = pl.col(column) > pl.lit(name.session), f"{column} no later than the drop's {name.session}"
            checks.append(Check("future_date", bad, _expected(words, column)))
    checks += [
        Check(rule.name, ~pl.sql_expr(rule.condition()), pl.lit(rule.explain())) for rule in rules.quarantining()
    ]
    return checks


def _expected(words: str, column: str) -> pl.Expr:
    return pl.format("expected {}, found {}", pl.lit(words), pl.col(column).dt.to_string("%Y-%m-%d"))


def _collapse(source: Source, rules: RuleSet, rows: pl.DataFrame) -> tuple[pl.DataFrame, int, pl.DataFrame]:
    """One of each set of equal rows; rows that differ under one key are all set aside."""
    values = [column.name for column in source.columns.values()]
    distinct = rows.unique(subset=values, keep="first", maintain_order=True)
    collapsed = rows.height - distinct.height
    keys = rules.unique_keys()
    if not keys:
        return distinct, collapsed, REJECTED.to_frame()
    columns = list(keys[0].columns)
    reason = pl.lit(f"the drop has other values for the same {', '.join(columns)}")
    good, bad = sift(distinct, [Check(keys[0].name, pl.struct(columns).is_duplicated(), reason)])
    return good, collapsed, bad
