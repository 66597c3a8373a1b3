"""Checks of the content of rows: allow-lists, sessions, the rules of quality. Pure.

Most drops keep most rules, so each is first tested on all rows at once; checks that some rows may fail go to ``sift``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from afterbell.ingest.parsing.action_checks import action_checks
from afterbell.ingest.parsing.several import DROP, bounds_of
from afterbell.ingest.parsing.sift import Check
from afterbell.sources.row_rules import Between, Jump, Matches, NotNull, PairOrder, RowRule
from afterbell.sources.rules import RuleSet
from afterbell.sources.source import Source

_EPOCH = date(1970, 1, 1)
_FEW = 5
"""Up to this many sessions are named one by one."""


@dataclass(frozen=True)
class DropName:
    """The name of a drop, and the sessions of its rows."""

    key: str
    session: date
    carried: tuple[date, ...]


def content_checks(source: Source, rules: RuleSet, names: Sequence[DropName], rows: pl.DataFrame) -> list[Check]:
    """The checks that rows may fail, in the order in which they count.

    Args:
        source: whose rows.
        rules: of the source.
        names: of the drops.
        rows: as ``Rows.frame``; of several drops with ``drop``, their place among ``names``.
    """
    distinct = _Distinct(rows)
    allowed = f"^(?:{source.symbol_pattern})$"
    checks = []
    if not distinct.all_match("symbol", allowed):
        shown = pl.col("symbol").str.slice(0, 60)
        words = pl.format("expected a symbol like {}, found '{}'", pl.lit(source.symbol_pattern), shown)
        checks.append(Check("symbol_pattern", ~pl.col("symbol").str.contains(allowed), words))
    if source.kind == "minute_bars":
        checks += _outside(names, rows)
    checks += _dates(source, names, rows)
    if source.kind == "actions":
        checks += action_checks(source, rows)
    for rule in rules.quarantining():
        if not isinstance(rule, Jump) and not _kept_by_all(rule, rows, distinct):
            checks.append(check_of(rule))
    return checks


def check_of(rule: RowRule) -> Check:
    """A rule of quality as a check."""
    return Check(rule.name, ~pl.sql_expr(rule.condition()), pl.lit(rule.explain()))


def _dates(source: Source, names: Sequence[DropName], rows: pl.DataFrame) -> list[Check]:
    """What a drop's own session requires of days and times."""
    checks = []
    for column in source.columns.values():
        value = pl.col(column.name)
        for number, start, length in bounds_of(rows) if column.type in {"date", "timestamp"} else ():
            name, values = names[number], rows[column.name].slice(start, length)
            if column.name == "session":
                if not _all_carried(values, name.carried):
                    words = f"a row of {_days(name)}"
                    bad = _of_drop(number, rows, ~value.is_in(list(name.carried)))
                    checks.append(Check("session_not_carried", bad, _expected(words, value)))
            elif column.type == "date" and column.name != "ex_session":  # which may be announced
                if _some_after(values, name.session):
                    words = f"{column.name} no later than the drop's {name.session}"
                    bad = _of_drop(number, rows, value > pl.lit(name.session))
                    checks.append(Check("future_date", bad, _expected(words, value)))
            elif column.type == "timestamp":
                known = source.knowledge_time(name.session)
                if _some_after(values, known):
                    words = f"{column.name} no later than {known}, when the drop is known"
                    bad = _of_drop(number, rows, value > pl.lit(known))
                    checks.append(Check("future_time", bad, _expected(words, value)))
    return checks


def _of_drop(number: int, rows: pl.DataFrame, bad: pl.Expr) -> pl.Expr:
    return (pl.col(DROP) == number) & bad if DROP in rows.columns else bad


def _all_carried(days: pl.Series, carried: Sequence[date]) -> bool:
    """Whether each of ``days`` that is there is among ``carried``."""
    if len(carried) > _FEW:
        return not set(days.unique().to_list()) - {*carried, None}
    present = days.drop_nulls() if days.null_count() else days
    values, good = present.to_physical().to_numpy(), np.zeros(present.len(), np.bool_)
    for day in carried:
        good |= values == (day - _EPOCH).days
    return bool(good.all())


def _some_after(values: pl.Series, latest: Any) -> bool:
    most: Any = values.max()
    return most is not None and most > latest


def _outside(names: Sequence[DropName], rows: pl.DataFrame) -> list[Check]:
    """Minutes that lie in none of the sessions that their drop may carry."""
    outside = pl.col("session").is_null() & pl.col("at").is_not_null()
    stray = rows.filter(outside)
    return [
        Check(
            "session_not_carried",
            _of_drop(number, rows, outside),
            _expected(f"a minute within the hours of {_days(names[number])}", pl.col("at")),
        )
        for number, _, _ in bounds_of(stray)
    ]


def _days(name: DropName) -> str:
    if len(name.carried) > _FEW:
        return f"a session from {name.carried[0]} to {name.carried[-1]}"
    return ", ".join(day.isoformat() for day in name.carried)


def _expected(words: str, value: pl.Expr) -> pl.Expr:
    return pl.format("expected {}, found {}", pl.lit(words), value.cast(pl.String))


class _Distinct:
    """The values of columns without their repeats, or most of them; each computed once."""

    def __init__(self, rows: pl.DataFrame) -> None:
        self._rows = rows
        self._values: dict[str, pl.Series] = {}
        self._matched: set[tuple[str, str]] = set()

    def of(self, column: str) -> pl.Series:
        if column not in self._values:
            values = self._rows[column]
            # Rows of one symbol mostly stand together: leaving out repeats of the row before is cheaper than hashing.
            text = values.dtype == pl.String
            self._values[column] = values.filter(values.ne_missing(values.shift(1))) if text else values.unique()
        return self._values[column]

    def all_match(self, column: str, pattern: str) -> bool:
        """Whether every value matches the pattern."""
        # `^(?:X)$` and `^X$` are alike, unless X has alternatives.
        alike = (column, pattern if "|" in pattern else pattern.replace("^(?:", "^", 1).replace(")$", "$", 1))
        if alike not in self._matched and self.of(column).str.contains(pattern).all():
            self._matched.add(alike)
        return alike in self._matched


def _kept_by_all(rule: RowRule, rows: pl.DataFrame, distinct: _Distinct) -> bool:
    """Whether all rows keep the rule, tested without its condition; False is only a maybe."""
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
