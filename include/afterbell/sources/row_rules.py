"""Rules about rows: what each row keeps or breaks, by itself or compared with the row of the session before. Pure.

A condition is SQL that means the same in Polars and in Spark; ``afterbell.quality.expectations`` states the same for
Great Expectations.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from afterbell.config.loader import Strict
from afterbell.config.patterns import check_value_pattern

Severity = Literal["quarantine", "fail", "warn"]
COLUMN = r"^[a-z][a-z0-9_]*$"
ColumnName = Annotated[str, Field(pattern=COLUMN)]
MOVE, RUN = "move", "run"
"""Columns of a bar seen beside the session before: the close over the adjusted close before it, and for how many
sessions it has repeated the bar before it exactly."""


class Rule(Strict):
    """Fields common to all rules.

    Attributes:
        name: the rule's, in the quarantine, in messages and in Data Docs.
        severity: ``quarantine`` sets the row aside at ingest and fails the audit if one reaches it; ``fail`` fails
            the audit; ``warn`` is recorded.
        budget: the share of rows that may break the rule before the audit counts it as broken.
    """

    name: str = Field(pattern=COLUMN)
    severity: Severity
    budget: float = Field(default=0.0, ge=0, lt=1)


class RowRule(Rule, ABC):
    """A rule that each row keeps or breaks by itself."""

    @abstractmethod
    def condition(self) -> str:
        """SQL that is true for a row that keeps the rule, never NULL; the same text for Polars and Spark."""

    @abstractmethod
    def explain(self) -> str:
        """What the rule expects of a row, for the quarantine's reason."""


class NotNull(RowRule):
    """The columns have a value."""

    kind: Literal["not_null"]
    columns: tuple[ColumnName, ...] = Field(min_length=1)

    def condition(self) -> str:
        """SQL that is true where every column has a value."""
        return " AND ".join(f"{column} IS NOT NULL" for column in self.columns)

    def explain(self) -> str:
        """The rule in words."""
        return f"expected a value in {', '.join(self.columns)}"


class Between(RowRule):
    """Each column is empty or lies between ``min`` and ``max``."""

    kind: Literal["between"]
    columns: tuple[ColumnName, ...] = Field(min_length=1)
    min: float | None = None
    max: float | None = None
    strict_min: bool = False

    @model_validator(mode="after")
    def _has_a_bound(self) -> Between:
        if self.min is None and self.max is None:
            raise ValueError("between needs min, max or both")
        return self

    def condition(self) -> str:
        """SQL that is true where every column is empty or within the bounds."""
        return " AND ".join(f"({column} IS NULL OR ({self._bounds(column)}))" for column in self.columns)

    def _bounds(self, column: str) -> str:
        parts = []
        if self.min is not None:
            parts.append(f"{column} {'>' if self.strict_min else '>='} {self.min:.6f}")
        if self.max is not None:
            parts.append(f"{column} <= {self.max:.6f}")
        return " AND ".join(parts)

    def explain(self) -> str:
        """The rule in words."""
        low = "" if self.min is None else f"{'above' if self.strict_min else 'at least'} {self.min:g}"
        high = "" if self.max is None else f"at most {self.max:g}"
        return f"expected {', '.join(self.columns)} {' and '.join(part for part in (low, high) if part)}"


class PairOrder(RowRule):
    """``smaller`` is not above ``larger``; empty values pass."""

    kind: Literal["pair_order"]
    smaller: ColumnName
    larger: ColumnName

    def condition(self) -> str:
        """SQL that is true where the pair is in order or one of it is empty."""
        return f"({self.smaller} IS NULL OR {self.larger} IS NULL OR {self.smaller} <= {self.larger})"

    def explain(self) -> str:
        """The rule in words."""
        return f"expected {self.smaller} <= {self.larger}"


class Matches(RowRule):
    """Each column is empty or matches the pattern."""

    kind: Literal["matches"]
    columns: tuple[ColumnName, ...] = Field(min_length=1)
    pattern: str

    @field_validator("pattern")
    @classmethod
    def _reads_alike_everywhere(cls, value: str) -> str:
        # Spark's SQL takes a backslash in a literal as an escape, Polars' doesn't: only patterns without one mean
        # the same in both.
        if "\\" in value or "'" in value:
            raise ValueError("write the pattern without backslash and quote, such as [0-9] for a digit, [.] for a dot")
        return check_value_pattern(value)

    def condition(self) -> str:
        """SQL that is true where every column is empty or matches."""
        return " AND ".join(f"({column} IS NULL OR {column} RLIKE '{self.pattern}')" for column in self.columns)

    def explain(self) -> str:
        """The rule in words."""
        return f"expected {', '.join(self.columns)} to match {self.pattern}"


class UniqueKey(Rule):
    """Within one drop no two different rows have the same values in ``columns``."""

    kind: Literal["unique_key"]
    columns: tuple[ColumnName, ...] = Field(min_length=1)


class Jump(RowRule):
    """The close lies within ``limit`` times the close of the session before, corporate actions accounted for.

    It reads ``close``, ``previous_close`` (of the same drop; empty where it has none, and then the rule is kept) and
    ``adjustment`` (the factor that the vendor's adjusted close, or a split seen in the price alone, explains). A row
    that breaks it is held until the next drop delivers it again: there it is not the newest session any more, has no
    close before it, and is accepted.

    Attributes:
        limit: the largest ratio that is believed at first sight, either way: 5 stands for five times and for a fifth.
    """

    kind: Literal["jump"]
    limit: float = Field(default=5.0, gt=1, le=1000)

    @property
    def bounds(self) -> tuple[float, float]:
        """The least and the greatest believable ratio."""
        return round(1 / self.limit, 6), self.limit

    def move(self) -> str:
        """SQL of the ratio; NULL where there is nothing to compare with."""
        known = "previous_close > 0 AND adjustment > 0"
        return f"CASE WHEN {known} THEN close / (previous_close * adjustment) END"

    def condition(self) -> str:
        """SQL that is true where the ratio is within the bounds, or not known."""
        low, high = self.bounds
        return f"COALESCE(({self.move()}) >= {low:.6f} AND ({self.move()}) <= {high:.6f}, TRUE)"

    def explain(self) -> str:
        """The rule in words."""
        return (
            f"expected a close within {self.limit:g} times the one before, corporate actions accounted for; "
            "held until the next drop confirms it"
        )


class Stale(Rule):
    """A bar with volume doesn't repeat the bar before it, all of open, high, low, close and volume, for long.

    It reads ``run``, the number of sessions in a row that did. A run grows over many drops, so ingest counts it over
    what it remembers of them, not row by row within one drop.

    Attributes:
        warn_sessions: from a run this long on there is a warning.
        limit: from a run this long on, rows are set aside.
    """

    kind: Literal["stale"]
    warn_sessions: int = Field(default=3, ge=1)
    limit: int = Field(default=5, ge=2, le=60)

    @model_validator(mode="after")
    def _warns_before_the_limit(self) -> Stale:
        if self.warn_sessions > self.limit:
            raise ValueError("warn_sessions lies above limit: warn before rows are set aside")
        return self

    def condition(self) -> str:
        """SQL that is true where the run is shorter than the limit, or not known."""
        return f"({RUN} IS NULL OR {RUN} < {self.limit})"

    def explain(self) -> str:
        """The rule in words."""
        return f"expected prices or volume to change within {self.limit} sessions"
