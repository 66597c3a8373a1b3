"""Rules about a session as a whole: each bounds one of the session's facts (``afterbell.quality.facts``). Pure."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from afterbell.sources.row_rules import Rule

Fact = Literal[
    "row_count_ratio",
    "symbol_coverage",
    "quarantine_share",
    "duplicate_share",
    "jump_share",
    "stale_share",
    "zero_volume_share",
]


class SetRule(Rule):
    """A rule about a session's rows as a whole.

    Attributes:
        kind: the fact it bounds:
            ``row_count_ratio``: symbols with a bar over the median of the ``sessions`` before;
            ``symbol_coverage``: share of the symbols with a bar in most of the ``sessions`` before, and not delisted
            since, that have one: 1 less the budget for missing symbols;
            ``quarantine_share``: share of the lines of the session's own drops that were set aside;
            ``duplicate_share``: share of those lines that repeated another one exactly;
            ``jump_share``: share of the session's symbols held for a jump;
            ``stale_share``: share of the session's symbols whose bar repeats the one before it exactly;
            ``zero_volume_share``: share of the session's bars without volume.
        min: the least value that is fine.
        max: the greatest.
        sessions: how many sessions before it are compared with.
        half_days: ``skip`` for what a shortened session makes look odd, such as its volume.
    """

    kind: Fact
    min: float | None = Field(default=None, ge=0)
    max: float | None = Field(default=None, ge=0)
    sessions: int = Field(default=20, ge=1, le=260)
    half_days: Literal["check", "skip"] = "check"

    @model_validator(mode="after")
    def _has_a_bound(self) -> SetRule:
        if self.min is None and self.max is None:
            raise ValueError(f"{self.kind} needs min, max or both")
        return self

    def keeps(self, value: float) -> bool:
        """Whether a session with this value of the fact is fine."""
        return (self.min is None or value >= self.min) and (self.max is None or value <= self.max)
