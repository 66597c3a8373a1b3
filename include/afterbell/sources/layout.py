"""How the bytes of a source's drops are laid out: format, compression, columns and limits. Pure."""

from __future__ import annotations

import re
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from afterbell.config.loader import Strict
from afterbell.config.patterns import compile_key_pattern

Compression = Literal["none", "gzip", "bz2", "xz", "zstd", "lz4", "zip"]
MIB = 1024 * 1024
MEMBER_GROUP = re.compile(r"\{([a-z_]+)\}")
"""A group of the key in ``Format.member``; a repeat such as ``{8}`` has digits."""


class Format(Strict):
    """How the bytes of a drop are laid out.

    Attributes:
        type: ``csv``, lines of fields that are never quoted; or ``parquet``.
        delimiter: one character between the fields of a line; Parquet has none.
        header: ``required``; ``optional`` where the vendor sometimes leaves it out; ``none``.
        compression: of the object as it is stored; Parquet compresses inside, so there it is ``none``.
        member: of a zip, which of its files is read: a regular expression for the whole name, in which ``{symbol}`` and
            ``{session}`` stand for what the key has there. Empty where the zip has one file.
        encoding: the only one that is read.
        extra_columns: columns that the drop has and the source doesn't: ``refuse`` the drop, read it and ``warn``, or
            ``ignore`` them.
    """

    type: Literal["csv", "parquet"] = "csv"
    delimiter: str = ""
    header: Literal["required", "optional", "none"] = "required"
    compression: Compression = "gzip"
    member: str = ""
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

    @field_validator("member")
    @classmethod
    def _is_a_pattern(cls, value: str) -> str:
        compile_key_pattern(MEMBER_GROUP.sub("x", value))
        return value

    @property
    def member_groups(self) -> tuple[str, ...]:
        """The groups of the key that ``member`` names."""
        return tuple(MEMBER_GROUP.findall(self.member))

    @model_validator(mode="after")
    def _names_a_member_of_a_zip(self) -> Format:
        if self.member and self.compression != "zip":
            raise ValueError("member belongs to compression: zip; leave it out")
        return self

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
