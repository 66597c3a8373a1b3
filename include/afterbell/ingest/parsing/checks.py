"""What the content of rows must be: allow-lists, sessions, the rules of quality. Pure.

Most drops keep most rules, so each is first asked of all rows at once; checks that some may fail are for ``sift``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from afterbell.ingest.parsing.action_checks import action_checks
from afterbell.ingest.parsing.sift import Check
from afterbell.ingest.sources.source import Source
from afterbell.quality.row_rules import Between, Jump, Matches, NotNull, PairOrder, RowRule
from afterbell.quality.rules import RuleSet

_FEW = 5
"""Up to so many sessions are named one by one."""


@dataclass(frozen=True)
class DropName:
    """Which drop it is, and the sessions its rows may be of."""

    key: str
    session: date
    carried: tuple[date, ...]


def content_checks(source: Source, rules: RuleSet, name: DropName, rows: pl.DataFrame) -> list[Check]:
    """The checks that ``rows``, as ``Rows.frame``, may fail, in the order in which they count."""
    distinct = _Distinct(rows)
    allowed = f"^(?:{source.symbol_pattern})$"
    checks = []
    if not distinct.all_match("symbol", allowed):
        found = pl.col("symbol").str.slice(0, 60)
        words = pl.format("expected a symbol like {}, found '{}'", pl.lit(source.symbol_pattern), found)
        checks.append(Check("symbol_pattern", ~pl.col("symbol").str.contains(allowed), words))
    if source.kind == "minute_bars":
        checks += _outside(name, rows)
    checks += _dates(source, name, distinct)
    if source.kind == "actions":
        checks += action_checks(source, rows)
    for rule in rules.quarantining():
        if not isinstance(rule, Jump) and not _kept_by_all(rule, rows, distinct):
            checks.append(check_of(rule))
    return checks


def check_of(rule: RowRule) -> Check:
    """A rule of quality as a check."""
    return Check(rule.name, ~pl.sql_expr(rule.condition()), pl.lit(rule.explain()))


def _dates(source: Source, name: DropName, distinct: _Distinct) -> list[Check]:
    checks = []
    known: object = None
    for column in source.columns.values():
        value = pl.col(column.name)
        if column.name == "session":
            if distinct.outside("session", name.carried):
                words = f"a row of {_days(name)}"
                checks.append(Check("session_not_carried", ~value.is_in(list(name.carried)), _expected(words, value)))
        elif column.type == "date" and column.name != "ex_session":  # which may be announced
            if distinct.after(column.name, name.session):
                words = f"{column.name} no later than the drop's {name.session}"
                checks.append(Check("future_date", value > pl.lit(name.session), _expected(words, value)))
        elif column.type == "timestamp":
            known = known or source.knowledge_time(name.session)
            if distinct.after(column.name, known):
                words = f"{column.name} no later than {known}, when the drop is known"
                checks.append(Check("future_time", value > pl.lit(known), _expected(words, value)))
    return checks


def _outside(name: DropName, rows: pl.DataFrame) -> list[Check]:
    """Minutes that lie in none of the sessions that the drop may carry."""
    outside = pl.col("session").is_null() & pl.col("at").is_not_null()
    if not rows.select(outside.any()).item():
        return []
    words = f"a minute within the hours of {_days(name)}"
    return [Check("session_not_carried", outside, _expected(words, pl.col("at")))]


def _days(name: DropName) -> str:
    if len(name.carried) > _FEW:
        return f"a session from {name.carried[0]} to {name.carried[-1]}"
    return ", ".join(day.isoformat() for day in name.carried)


def _expected(words: str, value: pl.Expr) -> pl.Expr:
    return pl.format("expected {}, found {}", pl.lit(words), value.cast(pl.String))


class _Distinct:
    """The values of columns without their repeats, or most of them; each found once."""

    def __init__(self, rows: pl.DataFrame) -> None:
        self._rows = rows
        self._found: dict[str, pl.Series] = {}
        self._matched: set[tuple[str, str]] = set()

    def of(self, column: str) -> pl.Series:
        if column not in self._found:
            values = self._rows[column]
            # Rows of one symbol mostly stand together: leaving out repeats of the row before is cheaper than hashing.
            text = values.dtype == pl.String
            self._found[column] = values.filter(values.ne_missing(values.shift(1))) if text else values.unique()
        return self._found[column]

    def all_match(self, column: str, pattern: str) -> bool:
        """Whether every value matches the pattern."""
        # `^(?:X)$` and `^X$` are alike, unless X has alternatives.
        alike = (column, pattern if "|" in pattern else pattern.replace("^(?:", "^", 1).replace(")$", "$", 1))
        if alike not in self._matched and self.of(column).str.contains(pattern).all():
            self._matched.add(alike)
        return alike in self._matched

    def outside(self, column: str, allowed: Sequence[date]) -> bool:
        return bool(set(self.of(column).to_list()) - {*allowed, None})

    def after(self, column: str, latest: object) -> bool:
        return bool((self.of(column) > latest).any())


def _kept_by_all(rule: RowRule, rows: pl.DataFrame, distinct: _Distinct) -> bool:
    """Whether all rows keep the rule, found out without its condition; a no is only a maybe."""
    match rule:
        case NotNull():
            return all(rows[column].null_count() == 0 for column in rule.columns)
        case Between():
            return all(_within(rows[column], rule) for column in rule.columns)
        case PairOrder():
            return bool((rows[rule.smaller] <= rows[rule.larger]).all())
        case Matches():
            return all(distinct.all_match(column, rule.pattern) for column in rule.columns)
        case _:
            return False


def _within(values: pl.Series, rule: Between) -> bool:
    low, high = values.min(), values.max()
    if not isinstance(low, int | float) or not isinstance(high, int | float):
        return False
    least, most = (None if bound is None else round(bound, 6) for bound in (rule.min, rule.max))
    above = least is None or (low > least if rule.strict_min else low >= least)
    return above and (most is None or high <= most)
