"""How the bytes of a source's drops are laid out: format, compression, columns and limits. Pure."""

from __future__ import annotations

import re
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from afterbell.config.loader import Strict

ColumnType = Literal["string", "date", "timestamp", "double", "bigint", "int", "boolean"]
Compression = Literal["none", "gzip", "bz2", "xz", "zstd", "lz4"]
MIB = 1024 * 1024
DAY_FORMAT = "%Y-%m-%d"
_PARTS_OF_A_DAY = {"%Y", "%m", "%d"}


class Column(Strict):
    """One column of a drop. Whether it may be empty is for the rules to say.

    Attributes:
        name: what it is called in the lake.
        type: what its values are.
        format: of a date in text: ``%Y``, ``%m`` and ``%d`` once each, with whatever stands between them.
        zone: of a timestamp: ``source``, a local time of the source's zone, written without one; ``offset``, written
            with its offset from UTC, or ``Z``.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    type: ColumnType
    format: str = DAY_FORMAT
    zone: Literal["source", "offset"] = "source"

    @field_validator("format")
    @classmethod
    def _is_a_day(cls, value: str) -> str:
        found = re.findall("%.", value)
        if set(found) != _PARTS_OF_A_DAY or len(found) != len(_PARTS_OF_A_DAY) or value.count("%") != len(found):
            raise ValueError("must name %Y, %m and %d once each, such as %Y-%m-%d or %Y%m%d")
        return value

    @model_validator(mode="after")
    def _only_what_its_type_has(self) -> Column:
        if self.format != DAY_FORMAT and self.type != "date":
            raise ValueError("format belongs to a column of type date; leave it out")
        if self.zone != "source" and self.type != "timestamp":
            raise ValueError("zone belongs to a column of type timestamp; leave it out")
        return self


class Format(Strict):
    """How the bytes of a drop are laid out.

    Attributes:
        type: ``csv``, lines of fields that are never quoted; or ``parquet``.
        delimiter: one character between the fields of a line; Parquet has none.
        header: ``required``; ``optional`` where the vendor sometimes leaves it out; ``none``.
        compression: of the object as it is stored; Parquet compresses inside, so there it is ``none``.
        encoding: the only one that is read.
        extra_columns: columns that the drop has and the source doesn't: ``refuse`` the drop, read it and ``warn``, or
            ``ignore`` them.
    """

    type: Literal["csv", "parquet"] = "csv"
    delimiter: str = ""
    header: Literal["required", "optional", "none"] = "required"
    compression: Compression = "gzip"
    encoding: Literal["utf-8"] = "utf-8"
    extra_columns: Literal["refuse", "warn", "ignore"] = "refuse"

    @model_validator(mode="before")
    @classmethod
    def _parquet_compresses_inside(cls, value: Any) -> Any:
        if isinstance(value, dict) and value.get("type") == "parquet":
            return {"compression": "none"} | value
        return value

    @field_validator("delimiter")
    @classmethod
    def _cannot_be_part_of_a_field(cls, value: str) -> str:
        if len(value) > 1 or (value and (not value.isascii() or value.isalnum() or value in "\"\r\n\0 .-+:'")):
            raise ValueError(r"must be one ASCII character that no field has, such as ',', ';', '|' or '\t'")
        return value

    @model_validator(mode="after")
    def _fits_its_type(self) -> Format:
        if self.type == "csv" and not self.delimiter:
            raise ValueError("csv needs a delimiter, such as ','")
        if self.type == "parquet" and (self.delimiter or self.compression != "none" or self.header != "required"):
            raise ValueError(
                "parquet has its names and its compression inside: leave delimiter, header, compression out"
            )
        return self


class Limits(Strict):
    """Beyond these a drop is refused, so that no bad or hostile object fills the memory of a task.

    Attributes:
        compressed_bytes: of the object as it is stored.
        uncompressed_bytes: of its text; for Parquet, of its values.
        ratio: of the second to the first.
        rows: of data.
        line_bytes: of one line, or of one text value in Parquet; a longer one is set aside by itself.
    """

    compressed_bytes: int = Field(default=64 * MIB, gt=0)
    uncompressed_bytes: int = Field(default=512 * MIB, gt=0)
    ratio: int = Field(default=200, gt=1)
    rows: int = Field(default=20_000_000, gt=0)
    line_bytes: int = Field(default=4096, ge=64)
