"""From cumulative factors, in which some vendors give a symbol's whole history, to the actions between them. Pure.

A row has the factors of payouts and of splits by which prices up to and including its day compare with those of today.
Where they step from one row to the next, an action takes effect on the session after the earlier row's day.
"""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from afterbell.calendar.sessions import Exchange
from afterbell.errors import CalendarBoundsError, CorruptDropError
from afterbell.ingest.actions.ratios import split_ratio
from afterbell.ingest.parsing.checks import DropName
from afterbell.sources.reported import CUMULATIVE
from afterbell.sources.source import Source

_ROUNDED = 2e-5
"""By how much of itself a split's step may differ from its ratio: factors are written with six digits or more."""


def steps_between(source: Source, name: DropName, rows: pl.DataFrame, aside: pl.DataFrame) -> pl.DataFrame:
    """The actions of a drop of cumulative factors.

    Args:
        source: of kind ``actions`` and ``cumulative``.
        name: the drop's.
        rows: line, symbol, ex_session (the day up to which a row holds), factor and split_factor or one of them.
        aside: lines that are no rows.

    Returns:
        line, symbol, ex_session, factor (of a payout) and ratio (of a split), one of which is null. The line is the
        earlier one of the two. A step before the calendar begins keeps its day, which is no session.

    Raises:
        CorruptDropError: a line can't be read, isn't positive, or repeats a day: then the steps beside it are unknown.
    """
    factors = [name for name in CUMULATIVE if name in rows.columns]
    _require_whole(name, rows, aside, factors)
    ordered = rows.sort("symbol", "ex_session")
    after = [pl.col(column).shift(-1).over("symbol").alias(f"{column}_after") for column in factors]
    steps = ordered.with_columns(after).with_columns(_ex_session(source, ordered))
    about = ["line", "symbol", "ex_session"]
    actions = [rows.select(about).clear().with_columns(factor=pl.lit(None, pl.Float64), ratio=pl.lit(None, pl.Float64))]
    for column, target in (("factor", "factor"), ("split_factor", "ratio")):
        if column in factors:
            step = (pl.col(column) / pl.col(f"{column}_after")).alias("step")
            moved = steps.filter(pl.col(column) != pl.col(f"{column}_after")).select(*about, step)
            values = moved["step"] if column == "factor" else 1 / moved["step"].map_elements(_exact, pl.Float64)
            actions.append(moved.select(about).with_columns(values.alias(target)))
    return pl.concat(actions, how="diagonal_relaxed").sort("line")


def _exact(step: float) -> float:
    """The ratio that a step is, rounding apart; the step itself where no ratio fits."""
    return split_ratio(step, _ROUNDED * step) or step


def _require_whole(name: DropName, rows: pl.DataFrame, aside: pl.DataFrame, factors: list[str]) -> None:
    reasons = dict(aside.select("line", "reason").iter_rows())
    empty = pl.any_horizontal(pl.col("symbol", "ex_session", *factors).is_null())
    small = pl.any_horizontal(pl.col(factors) <= 0).fill_null(value=False)
    again = pl.struct("symbol", "ex_session").is_duplicated()
    for bad, reason in ((empty, "an empty field"), (small, "a factor of 0 or less"), (again, "a repeated day")):
        reasons |= dict.fromkeys(rows.filter(bad)["line"].to_list(), reason)
    if reasons:
        line = min(reasons)
        raise CorruptDropError(
            f"drop {name.key}: expected cumulative factors above 0 in every line, one a day, found {reasons[line]} in "
            f"line {line}: the actions beside it are unknown; ask for it again"
        )


def _ex_session(source: Source, rows: pl.DataFrame) -> pl.Expr:
    exchange = Exchange(source.exchange)
    days = rows["ex_session"].unique().to_list()
    after = [_session_after(exchange, day) for day in days]
    return pl.col("ex_session").replace_strict(days, after, return_dtype=pl.Date)


def _session_after(exchange: Exchange, day: date) -> date:
    try:
        return exchange.first_from(day + timedelta(days=1))
    except CalendarBoundsError:
        return day
