"""Rules of quality, declared once per kind of data (``include/config/quality``) and used twice. Pure.

At ingest a rule's SQL condition, which means the same in Polars SQL and in Spark SQL, sets rows aside; in the audit
the same rule stands as a Great Expectations expectation (``afterbell.quality.expectations``).
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from afterbell.config.loader import Strict, load_named
from afterbell.errors import ConfigError
from afterbell.sources.row_rules import Between, Jump, Matches, NotNull, PairOrder, RowRule, Stale, UniqueKey
from afterbell.sources.set_rules import SetRule
from afterbell.sources.source import Source

AnyRule = Annotated[
    NotNull | Between | PairOrder | Matches | Jump | UniqueKey | Stale | SetRule, Field(discriminator="kind")
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
        for kind in ("unique_key", "jump", "stale"):
            if [rule.kind for rule in self.rules].count(kind) > 1:
                raise ValueError(f"at most one {kind} rule")
        return self

    def quarantining(self) -> tuple[RowRule, ...]:
        """The row rules that set a row aside at ingest."""
        return tuple(rule for rule in self.rules if isinstance(rule, RowRule) and rule.severity == "quarantine")

    def unique_keys(self) -> tuple[UniqueKey, ...]:
        """The rule on keys within a drop, if there is one."""
        return tuple(rule for rule in self.rules if isinstance(rule, UniqueKey))

    def jump(self) -> Jump | None:
        """The rule on jumps, if there is one."""
        return next((rule for rule in self.rules if isinstance(rule, Jump)), None)

    def stale(self) -> Stale | None:
        """The rule on bars that repeat, if there is one."""
        return next((rule for rule in self.rules if isinstance(rule, Stale)), None)

    def stale_limit(self) -> int | None:
        """From how many repeats on a bar is set aside; None where the set has no such rule."""
        rule = self.stale()
        return rule.limit if rule is not None and rule.severity == "quarantine" else None

    def set_rules(self) -> tuple[SetRule, ...]:
        """The rules on a session as a whole."""
        return tuple(rule for rule in self.rules if isinstance(rule, SetRule))


def rules_of(source: Source) -> RuleSet:
    """The rule set that ``source`` names.

    Raises:
        ConfigError: no rule set has that name, a key of it is wrong, or a rule reads a column that the source lacks.
    """
    rule_set = load_rules(source.quality)
    columns = source.column_names
    for rule in rule_set.rules:
        missing = [name for name in _columns_of(rule) if name not in columns]
        if missing:
            raise ConfigError(
                f"quality/{source.quality}.yaml: rule {rule.name} reads {', '.join(missing)}, which source "
                f"{source.name} (sources/{source.name}.yaml, columns) doesn't have: declare it there, or name another "
                "rule set in quality, such as bars_plain for bars without an adjusted close"
            )
    return rule_set


def _columns_of(rule: AnyRule) -> tuple[str, ...]:
    match rule:
        case NotNull() | Between() | Matches() | UniqueKey():
            return rule.columns
        case PairOrder():
            return rule.smaller, rule.larger
        case _:
            return ()


def load_rules(name: str) -> RuleSet:
    """The rule set ``name``.

    Raises:
        ConfigError: no rule set has that name, or a key of it is wrong.
    """
    return load_named("quality", name, RuleSet)
