"""Drops that are Parquet: columns by name and type, values within limits. Pure."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from afterbell.errors import CorruptDropError
from afterbell.ingest.parsing.decode import unpacked
from afterbell.ingest.parsing.faults import READ_FAULTS, first_line
from afterbell.ingest.parsing.fields import DTYPES
from afterbell.ingest.parsing.parquet_values import raw_rows, typed_columns
from afterbell.ingest.parsing.rows import ParsedRows
from afterbell.ingest.parsing.sift import sift
from afterbell.ingest.parsing.text import notes_on
from afterbell.sources.column import Column
from afterbell.sources.source import Source

_BATCH_ROWS = 65_536
_THRIFT = 64 * 1024 * 1024  # of the footer: names and statistics


def read_parquet(source: Source, key: str, body: bytes) -> ParsedRows:
    """Read a Parquet drop.

    Raises:
        CorruptDropError: it isn't Parquet, is corrupt, too large, or a column is missing or of another type.
    """
    data = unpacked(source, key, body)
    if not data:
        return _blank(source)
    words = [name for name, column in source.columns.items() if column.type == "string"]
    try:
        file = pq.ParquetFile(
            pa.BufferReader(data),
            read_dictionary=words,  # however often a long text repeats, it is in memory once
            thrift_string_size_limit=_THRIFT,
            thrift_container_size_limit=_THRIFT,
        )
        _check_size(source, key, file.metadata, len(data))
        notes = _check_columns(source, key, file.schema_arrow)
        table = _values(source, key, file)
        table.validate(full=True)  # text that isn't UTF-8, offsets that lead nowhere
    except READ_FAULTS as error:  # what a flipped byte makes PyArrow raise
        raise CorruptDropError(f"drop {key}: expected Parquet, and could not read it ({first_line(error)})") from error
    frame, checks = typed_columns(source, key, table)
    rows, aside = sift(frame, checks)
    names = [column.name for column in source.columns.values()]
    return ParsedRows(rows.select("line", *names), aside, table.num_rows, partial(raw_rows, source, table), notes)


def _blank(source: Source) -> ParsedRows:
    kinds = {column.name: DTYPES[column.type] for column in source.columns.values()}
    frame = pl.Schema({"line": pl.Int64(), **kinds}).to_frame()
    return ParsedRows(frame, sift(frame, [])[1], 0, lambda _: [])


def _check_size(source: Source, key: str, footer: pq.FileMetaData, size: int) -> None:
    limits = source.limits
    groups = [footer.row_group(number) for number in range(footer.num_row_groups)]
    claimed = sum(
        group.column(number).total_uncompressed_size for group in groups for number in range(group.num_columns)
    )
    most = min(limits.uncompressed_bytes, limits.ratio * size)
    if footer.num_rows > limits.rows:
        raise CorruptDropError(
            f"drop {key}: has {footer.num_rows} rows, the limit of source {source.name} is {limits.rows}"
        )
    if claimed > most:
        raise CorruptDropError(
            f"drop {key}: decompresses to {claimed} bytes, more than {most}; source {source.name} allows "
            f"{limits.uncompressed_bytes} and {limits.ratio} times the compressed size"
        )


def _check_columns(source: Source, key: str, schema: pa.Schema) -> tuple[str, ...]:
    declared = list(source.columns)
    missing = [name for name in declared if name not in schema.names]
    extra = [name for name in schema.names if name not in declared]
    repeated = sorted({name for name in schema.names if schema.names.count(name) > 1})
    if missing or repeated or (extra and source.format.extra_columns == "refuse"):
        raise CorruptDropError(
            f"drop {key}: expected the columns {', '.join(declared)}, found {', '.join(schema.names)[:200]} "
            f"(missing: {', '.join(missing) or 'none'}; not declared: {', '.join(extra)[:120] or 'none'}; "
            f"repeated: {', '.join(repeated)[:120] or 'none'})"
        )
    for name, column in source.columns.items():
        kind = schema.field(name).type
        if not _FITS[column.type](column, kind):
            raise CorruptDropError(
                f"drop {key}: column {name}: expected {_WORDS[column.type]}{_zone_words(column)}, found {kind}"
            )
    return notes_on(source, extra)


def _is_text(_: Column, kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _is_number(_: Column, kind: pa.DataType) -> bool:
    return kind in (pa.float64(), pa.float32()) or bool(pa.types.is_integer(kind) or pa.types.is_decimal(kind))


def _is_whole(kinds: tuple[pa.DataType, ...], _: Column, kind: pa.DataType) -> bool:
    return kind in kinds


def _is_instant(column: Column, kind: pa.DataType) -> bool:
    if column.format:
        return bool(pa.types.is_integer(kind)) if column.counts else _is_text(column, kind)
    return bool(pa.types.is_timestamp(kind)) and (kind.tz is None) == (column.zone == "source")


def _is_day(column: Column, kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) if column.counts else pa.types.is_date32(kind))


_SMALL = (pa.int8(), pa.int16(), pa.int32(), pa.uint8(), pa.uint16())
_FITS: dict[str, Callable[[Column, pa.DataType], bool]] = {
    "string": _is_text,
    "date": _is_day,
    "timestamp": _is_instant,
    "double": _is_number,
    "bigint": partial(_is_whole, (*_SMALL, pa.int64(), pa.uint32())),
    "int": partial(_is_whole, _SMALL),
    "boolean": lambda _, kind: bool(pa.types.is_boolean(kind)),
}
_WORDS = {
    "string": "text",
    "date": "date32",
    "timestamp": "timestamp",
    "double": "a number",
    "bigint": "an integer of at most 64 bits",
    "int": "an integer of at most 32 bits",
    "boolean": "bool",
}


def _zone_words(column: Column) -> str:
    if column.counts or (column.type == "timestamp" and column.format):
        return f" as {'whole' if column.counts else 'text,'} {column.format}"
    if column.type != "timestamp":
        return ""
    return " without a zone" if column.zone == "source" else " with a zone"


def _values(source: Source, key: str, file: pq.ParquetFile) -> pa.Table:
    """The declared columns; the sizes in a footer can be false, so they are counted while they are read."""
    batches, size, most = [], 0, source.limits.uncompressed_bytes
    for batch in file.iter_batches(batch_size=_BATCH_ROWS, columns=list(source.columns), use_threads=False):
        size += batch.nbytes
        if size > most:
            raise CorruptDropError(
                f"drop {key}: has more than {most} bytes of values; that is the limit of {source.name}"
            )
        batches.append(batch)
    schema = pa.schema([file.schema_arrow.field(name) for name in source.columns])
    return pa.Table.from_batches(batches, batches[0].schema if batches else schema).select(list(source.columns))
