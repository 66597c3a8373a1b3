"""Rules of quality, declared once per kind of data (``include/config/quality``) and used twice.

At ingest a rule's SQL condition, which means the same in Polars SQL and in Spark SQL, sets rows aside; in the audit
the same rule stands as a Great Expectations expectation (``afterbell.quality.expectations``).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from afterbell.config.loader import Strict, load_named

Severity = Literal["quarantine", "fail", "warn"]
_COLUMN = r"^[a-z][a-z0-9_]*$"
ColumnName = Annotated[str, Field(pattern=_COLUMN)]


class Rule(Strict):
    """What all rules share.

    Attributes:
        name: the rule's, in the quarantine, in messages and in Data Docs.
        severity: ``quarantine`` sets the row aside at ingest and fails the audit if one is met there; ``fail`` fails
            the audit; ``warn`` is recorded.
        budget: the share of rows that may break the rule before the audit counts it as broken.
    """

    name: str = Field(pattern=_COLUMN)
    severity: Severity
    budget: float = Field(default=0.0, ge=0, lt=1)


class RowRule(Rule, ABC):
    """A rule that each row keeps or breaks by itself."""

    @abstractmethod
    def condition(self) -> str:
        """SQL that is true for a row that keeps the rule, never NULL; the same text for Polars and Spark."""

    @abstractmethod
    def explain(self) -> str:
        """What a row that broke it should have been, for the quarantine's reason."""


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
        return value

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


class SetRule(Rule):
    """A rule about a session's rows as a whole; it bounds one column of the session's facts."""

    kind: str
    min: float | None = Field(default=None, ge=0)
    max: float | None = Field(default=None, ge=0)
    sessions: int = Field(default=20, ge=1, le=260)

    @model_validator(mode="after")
    def _has_a_bound(self) -> SetRule:
        if self.min is None and self.max is None:
            raise ValueError(f"{self.kind} needs min, max or both")
        return self


class RowCountRatio(SetRule):
    """Rows of the session over the median of the ``sessions`` before it."""

    kind: Literal["row_count_ratio"]


class SymbolCoverage(SetRule):
    """Share of the symbols with a bar in most of the ``sessions`` before it that have one in the session."""

    kind: Literal["symbol_coverage"]


class QuarantineShare(SetRule):
    """Share of the lines of the session's own drops that were set aside."""

    kind: Literal["quarantine_share"]


AnyRule = Annotated[
    NotNull | Between | PairOrder | Matches | UniqueKey | RowCountRatio | SymbolCoverage | QuarantineShare,
    Field(discriminator="kind"),
]


class RuleSet(Strict):
    """The rules of one kind of data, in the order in which they are tried: the first one broken names the row."""

    name: str
    rules: tuple[AnyRule, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _names_are_distinct(self) -> RuleSet:
        names = [rule.name for rule in self.rules]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise ValueError(f"rule names must be distinct; repeated: {', '.join(repeated)}")
        if len(self.unique_keys()) > 1:
            raise ValueError("at most one unique_key rule")
        return self

    def quarantining(self) -> tuple[RowRule, ...]:
        """The row rules that set a row aside at ingest."""
        return tuple(rule for rule in self.rules if isinstance(rule, RowRule) and rule.severity == "quarantine")

    def unique_keys(self) -> tuple[UniqueKey, ...]:
        """The rule on keys within a drop, if there is one."""
        return tuple(rule for rule in self.rules if isinstance(rule, UniqueKey))

    def set_rules(self) -> tuple[SetRule, ...]:
        """The rules on a session as a whole."""
        return tuple(rule for rule in self.rules if isinstance(rule, SetRule))


def load_rules(name: str) -> RuleSet:
    """The rule set ``name``.

    Raises:
        ConfigError: there is none of that name, or a key of it is wrong.
    """
    return load_named("quality", name, RuleSet)
