"""One column of a source's drops: its type, and how its text or its numbers are written. Pure."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Literal

from pydantic import Field, field_validator, model_validator

from afterbell.config.loader import Strict

ColumnType = Literal["string", "date", "timestamp", "double", "bigint", "int", "boolean"]
DAY_FORMAT = "%Y-%m-%d"
OF_THE_DAY = {"seconds": 0, "milliseconds": 3}
"""Formats of a timestamp that count from midnight by the source's clocks, on the day that the key names: the decimal
places of a second that the unit stands for."""
EPOCH = {"epoch_seconds": 0, "epoch_milliseconds": 3, "epoch_microseconds": 6, "epoch_nanoseconds": 9}
"""Formats of a timestamp that count from 1970-01-01 UTC, as above."""
_DAY = {"%Y", "%m", "%d"}
_CLOCK = ({"%H", "%M"}, {"%H", "%M", "%S"})
_LEAST_SCALE, _MOST_SCALE, _SCALE_DIGITS = Decimal("1e-9"), Decimal("1e9"), 6


class Column(Strict):
    """One column of a drop. The quality rules decide whether it may be empty.

    Attributes:
        name: what it is called in the lake.
        type: what its values are.
        format: how it is written. Of a date: ``%Y``, ``%m`` and ``%d`` once each, ``%H`` and ``%M`` (and ``%S``) where
            a time of the day follows; or a count, one of ``EPOCH``: the day by the source's clocks. Of a timestamp: the
            same with a time of the day, one of ``OF_THE_DAY`` too, or empty for ISO 8601.
        zone: of a timestamp: ``source``, a local time of the source's zone, written without one; ``offset``, written
            with its offset from UTC, or ``Z``.
        label: which end of its bar a time names.
        scale: of a double or bigint: what a value is multiplied by, ``0.0001`` for prices in ten-thousandths, ``1000``
            for shares in thousands; exactly, as if the product had been written out.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    type: ColumnType
    format: str = ""
    zone: Literal["source", "offset"] = "source"
    label: Literal["start", "end"] = "start"
    scale: Decimal | None = None

    @field_validator("scale")
    @classmethod
    def _is_a_plain_factor(cls, value: Decimal | None) -> Decimal | None:
        if value is None:
            return None
        if not value.is_finite() or not _LEAST_SCALE <= value <= _MOST_SCALE:
            raise ValueError("must be a positive number between 1e-9 and 1e9, such as 0.0001")
        if len(value.normalize().as_tuple().digits) > _SCALE_DIGITS:
            raise ValueError(f"must have at most {_SCALE_DIGITS} significant digits, such as 0.0001")
        return value

    @model_validator(mode="after")
    def _has_a_format_of_its_type(self) -> Column:
        parts = re.findall("%.", self.format)
        whole = len(set(parts)) == len(parts) == self.format.count("%")
        clock = set(parts) - _DAY
        dated = whole and set(parts) >= _DAY and (clock in _CLOCK or not clock)
        if self.format and self.type == "date" and not dated and self.format not in EPOCH:
            raise ValueError(
                "format of a date must name %Y, %m and %d once each, and a time of the day, if there is one, as %H and "
                f"%M (and %S), such as %Y-%m-%d, %Y%m%d or '%Y%m%d %H:%M'; or be one of {', '.join(EPOCH)}"
            )
        if self.format and self.type == "timestamp" and not self.counts and not (dated and clock):
            raise ValueError(
                f"format of a timestamp must be one of {', '.join([*OF_THE_DAY, *EPOCH])}, or name %Y, %m, %d, %H and "
                "%M once each, such as '%Y%m%d %H:%M'; leave it out for 2016-06-30 09:30:00"
            )
        return self

    @model_validator(mode="after")
    def _only_what_its_type_has(self) -> Column:
        if self.format and self.type not in {"date", "timestamp"}:
            raise ValueError("format belongs to a column of type date or timestamp; leave it out")
        if self.zone != "source" and self.type != "timestamp":
            raise ValueError("zone belongs to a column of type timestamp; leave it out")
        if self.zone != "source" and self.format:
            raise ValueError("zone: offset is read from times as ISO 8601 writes them; leave out zone, or format")
        timed = self.type == "timestamp" or (self.type == "date" and ("%H" in self.format or self.format in EPOCH))
        if self.label != "start" and not timed:
            raise ValueError("label belongs to a timestamp, or to a date written with its time of the day")
        if self.scale is not None and self.type not in {"double", "bigint"}:
            raise ValueError("scale belongs to a column of type double or bigint; leave it out")
        return self

    @property
    def day_format(self) -> str:
        """How a date is written."""
        return self.format or DAY_FORMAT

    @property
    def of_the_day(self) -> bool:
        """Whether its times count from midnight of the day that the key names."""
        return self.format in OF_THE_DAY

    @property
    def counts(self) -> bool:
        """Whether its times are counts of a unit."""
        return self.format in OF_THE_DAY or self.format in EPOCH

    @property
    def read_as_number(self) -> bool:
        """Whether a reader of numbers gives its values as they are."""
        return self.type in {"double", "bigint", "int"} and self.scale is None
