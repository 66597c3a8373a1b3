"""Checks of rows of reported corporate actions. Pure."""

from __future__ import annotations

from datetime import date

import polars as pl

from afterbell.calendar.sessions import Exchange
from afterbell.errors import CalendarBoundsError
from afterbell.ingest.actions.kinds import DIVIDEND, SPLIT, declared_kind, split_factor
from afterbell.ingest.parsing.several import in_each_drop
from afterbell.ingest.parsing.sift import Check
from afterbell.sources.reported import VALUES
from afterbell.sources.source import Source

_SAME = 1e-3
_KEY = ("symbol", "ex_session")


def action_checks(source: Source, rows: pl.DataFrame) -> list[Check]:
    """The checks that rows of a source of kind ``actions`` may fail, in the order in which they count.

    Rows of several drops have ``drop``.
    """
    present = [name for name in VALUES if name in rows.columns]
    shown = pl.format(", ".join(f"{name} {{}}" for name in present), *(_text(name) for name in present))
    factor, ratio, amount = (pl.col(name) if name in present else pl.lit(None, pl.Float64) for name in VALUES)
    kind = declared_kind(source)
    unknown = (kind == "").fill_null(value=False)
    checks = [
        _not_a_session(source, rows),
        _check("unknown_kind", unknown, _kinds(source), _text_of("kind", rows)),
    ]
    bad_sign = (factor <= 0).fill_null(value=False) | (ratio <= 0).fill_null(value=False)
    bad_sign |= (amount < 0).fill_null(value=False)
    unclear = factor.is_not_null() & ratio.is_null() & kind.is_null()
    payout = (kind == DIVIDEND).fill_null(value=False)
    checks += [
        _check(
            "no_action",
            pl.all_horizontal(pl.col(name).is_null() for name in present),
            f"one of {', '.join(present)}",
            shown,
        ),
        _check("not_positive", bad_sign, "a factor and a ratio above 0, an amount of at least 0", shown),
        _check("factors_disagree", (factor * ratio - 1).abs() > _SAME, "a factor of 1 / ratio", shown),
        _check("unknown_kind", unclear, "a kind beside a factor", shown),
        _check(
            "kind_disagrees",
            payout & (ratio.is_not_null() | (factor > 1)),
            "a dividend without ratio, with a factor below 1",
            shown,
        ),
        _check(
            "kind_disagrees",
            (kind == SPLIT) & factor.is_null() & ratio.is_null(),
            "a split with a ratio or a factor",
            shown,
        ),
        _splits_differ(in_each_drop(rows, _KEY), kind, factor, ratio, shown),
    ]
    return checks


def _not_a_session(source: Source, rows: pl.DataFrame) -> Check:
    days = rows["ex_session"].unique().drop_nulls().to_list()
    closed = [day for day in days if not _trades(Exchange(source.exchange), day)]
    session = pl.col("ex_session")
    return _check("not_a_session", session.is_in(closed), f"a session of {source.exchange}", session.cast(pl.String))


def _trades(exchange: Exchange, day: date) -> bool:
    try:
        return exchange.is_session(day) and exchange.previous(day) < day  # an amount is paid from the close before
    except CalendarBoundsError:
        return False


def _splits_differ(key: list[str], kind: pl.Expr, factor: pl.Expr, ratio: pl.Expr, shown: pl.Expr) -> Check:
    # Payouts of one session add up; splits of one session contradict each other.
    split = split_factor(kind, factor, ratio)
    bad = split.is_not_null() & ((split.max().over(key) / split.min().over(key) - 1) > _SAME)
    return _check("splits_differ", bad, "one split a symbol and session", shown)


def _kinds(source: Source) -> str:
    return f"a kind of {', '.join(source.kinds)}" if isinstance(source.kinds, dict) else "a kind"


def _text(name: str) -> pl.Expr:
    return pl.col(name).cast(pl.String).fill_null("empty")


def _text_of(name: str, rows: pl.DataFrame) -> pl.Expr:
    return _text(name).str.slice(0, 60) if name in rows.columns else pl.lit("none")


def _check(rule: str, bad: pl.Expr, expected: str, shown: pl.Expr) -> Check:
    return Check(rule, bad, pl.format("expected {}, found {}", pl.lit(expected), shown))
