"""One bar as it was known on a day, as traded or adjusted by the actions known then. Reads by PyIceberg, no Spark."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from math import isnan, prod
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
from pyiceberg import expressions as ice

from afterbell.calendar.sessions import Exchange
from afterbell.config.runtime import Runtime
from afterbell.lake.listings import HOLD_COLUMNS, WRONG_LISTING, part_series, withhold
from afterbell.lake.reader import open_catalog, scan, table_names
from afterbell.lake.tables import BARS, CORPORATE_ACTIONS, DROPS
from afterbell.lake.unseen import LEDGER, NEAR, unseen_sessions

EXCHANGE_ZONE = ZoneInfo("America/New_York")
"""A day's end, for "as known at the end of day T", is midnight where the exchange is."""

_PRICES = ("open", "high", "low", "close")
_ANSWER = ("symbol", "session", *_PRICES, "volume", "knowledge_time", "revision")
_ACTION = ("ex_session", "factor", "kind", "knowledge_time", "basis", "rests_on", "drop_id")
_DECIDED = "overrides:"
"""Beginning of the drop_id of a row that a person decided (``afterbell.ingest.actions.overrides``)."""
Row = Mapping[str, Any]
"""A row of a table as PyIceberg and Polars read it, or a notebook."""


@dataclass(frozen=True)
class BarsQuery:
    """The query for one bar, as of an instant.

    Attributes:
        symbol: as the vendor writes it.
        session: the session the bar is about.
        as_of: the day, which ends at midnight in the exchange's zone; None for all that is known.
    """

    symbol: str
    session: date
    as_of: date | None = None


def bar_as_known(runtime: Runtime, question: BarsQuery) -> dict[str, object] | None:
    """The newest revision of a bar that was known, as traded.

    Returns:
        symbol, session (ISO), open, high, low, close (dollars), volume (shares), knowledge_time (ISO, UTC), revision;
        None if no revision was known.
    """
    bar = _newest_bars(runtime, question, (question.session,)).get(question.session)
    return None if bar is None else _answer(bar)


def adjusted_bar(runtime: Runtime, question: BarsQuery, exchange: Exchange) -> dict[str, object] | None:
    """A bar in the shares and dollars of ``question.as_of``.

    Prices are multiplied by the factors of all actions known then whose ex-session lies after the bar's and not after
    ``question.as_of``; volume is divided by those of splits.

    Returns:
        As ``bar_as_known``, and ``return``: the close over that of the exchange's session before, adjusted for what
        takes effect on the bar's session, less 1; None where that session has no bar. ``unseen`` lists the sessions
        from the bar's own on whose actions the vendor never showed (ISO): the answer lacks their dividends. ``held``:
        whether the bar counts as another security's, so that features and training leave it out. ``taken`` is the
        first session after the bar's on which the symbol stands for another security (ISO), None for none: only what
        took effect before it counts. On such a session itself there is no ``return``. ``decided``: a person's decisions
        on the ex-sessions that count, a sentence each.

    Raises:
        NotASessionError: the exchange does not trade on the session.
    """
    previous = exchange.previous(question.session)
    bars = _newest_bars(runtime, question, (previous, question.session))
    bar = bars.get(question.session)
    if bar is None:
        return None
    actions = _newest_actions(runtime, question)
    ledger = _read_ledger(runtime, question)
    # Announced or decided ahead, an action counts from its ex-session on: not before the lake has that session.
    last = question.as_of if question.as_of or ledger is None else max(ledger["session"].to_list(), default=None)
    answer = adjust(bar, bars.get(previous), actions, last)
    unseen = [] if ledger is None else [day.isoformat() for day in _unseen_sessions(ledger, question, exchange)]
    return answer | {"unseen": unseen, "held": _is_held(runtime, question, bar), "decided": decided(actions, last)}


def _is_held(runtime: Runtime, question: BarsQuery, bar: Row) -> bool:
    """Whether the bar counts as another security's, so that features and training leave it out."""
    equal: Any = ice.EqualTo
    where = ice.And(equal("kind", WRONG_LISTING), _is_of_symbol_known(question))
    rows = pl.DataFrame(scan(runtime, CORPORATE_ACTIONS.name, where=where))
    if rows.is_empty():
        return False
    frame = pl.DataFrame([{name: bar[name] for name in ("symbol", "session", "close", "knowledge_time")}])
    return withhold(frame, rows.select(HOLD_COLUMNS)).is_empty()


def decided(actions: Iterable[Row], as_of: date | None) -> list[str]:
    """A person's decisions among ``actions``, with who, why and when; as of a day only those that had taken effect."""
    decisions = [row for row in actions if (row.get("drop_id") or "").startswith(_DECIDED)]
    return [
        f"{row['ex_session'].isoformat()}: factor {row['factor']:g} ({row['kind']}), {row['rests_on']}, "
        f"decided {row['knowledge_time'].isoformat()}"
        for row in sorted(decisions, key=lambda row: row["ex_session"])
        if as_of is None or row["ex_session"] <= as_of
    ]


def _read_ledger(runtime: Runtime, question: BarsQuery) -> pl.DataFrame | None:
    """The ledger's lines, known then, of the source that the bar is of; None in a lake that has none yet."""
    if DROPS.name not in table_names(open_catalog(runtime)):
        return None
    bar = _newest_bars(runtime, question, (question.session,), (*_ANSWER, "drop_id"))[question.session]
    ledger = pl.DataFrame(scan(runtime, DROPS.name, where=_is_known_by(question.as_of)))
    return ledger.filter(pl.col("source") == bar["drop_id"].split(":")[0])


def _unseen_sessions(ledger: pl.DataFrame, question: BarsQuery, exchange: Exchange) -> list[date]:
    """Sessions from the bar's own up to ``question.as_of`` about whose actions its source showed nothing."""
    if ledger.is_empty() or not set(LEDGER) <= set(ledger.columns):  # an older lake doesn't have these columns
        return []
    newest: date = max(ledger["session"].to_list())
    last = newest if question.as_of is None else min(question.as_of, newest)
    if last < question.session:
        return []
    days = exchange.between(exchange.before(question.session, 2 * NEAR)[0], last)
    unseen = [day for days in unseen_sessions(ledger, days).values() for day in days]
    return sorted(day for day in unseen if day >= question.session)


def adjust(bar: Row, before: Row | None, actions: Iterable[Row], as_of: date | None) -> dict[str, object]:
    """The answer of ``adjusted_bar``, from the rows that it read.

    Args:
        bar: the newest revision of the bar.
        before: that of the session before; None if it has no bar.
        actions: the newest belief about each ex-session: ex_session, factor, kind; withdrawn ones have factor 1. NaN
            where another security takes the symbol.
        as_of: the last ex-session that counts; None for all.
    """
    believed = [row for row in actions if as_of is None or row["ex_session"] <= as_of]
    parts = {row["ex_session"] for row in believed if isnan(row["factor"])}
    taken = min((day for day in parts if day > bar["session"]), default=date.max)
    later = [row for row in believed if bar["session"] < row["ex_session"] < taken]
    today = prod(row["factor"] for row in believed if row["ex_session"] == bar["session"])
    factor = prod(row["factor"] for row in later)
    splits = prod(row["factor"] for row in later if row["kind"] == "split")
    prices = {name: bar[name] * factor for name in _PRICES}
    change = None if before is None or isnan(today) else bar["close"] / (before["close"] * today) - 1
    own = {"volume": round(bar["volume"] / splits), "return": change}
    return _answer(bar) | prices | own | {"taken": None if taken == date.max else taken.isoformat()}


def _answer(bar: Row) -> dict[str, object]:
    return {name: bar[name] for name in _ANSWER} | {
        "session": bar["session"].isoformat(),
        "knowledge_time": bar["knowledge_time"].isoformat(),
    }


def _newest_bars(
    runtime: Runtime, question: BarsQuery, sessions: tuple[date, ...], columns: tuple[str, ...] = _ANSWER
) -> dict[date, Row]:
    """The newest known revision of each of ``sessions`` that has one."""
    # The months of the sessions decide which files are opened, the symbol which row groups are read.
    day: Any = ice.In
    where = day("session", {session.isoformat() for session in sessions})
    rows = scan(runtime, BARS.name, columns, ice.And(where, _is_of_symbol_known(question))).to_pylist()
    return _newest(rows, "session", ("knowledge_time", "revision"))


def _newest_actions(runtime: Runtime, question: BarsQuery) -> list[Row]:
    """The newest known belief about each ex-session from the bar's own on."""
    since: Any = ice.GreaterThanOrEqual
    where = ice.And(since("ex_session", question.session.isoformat()), _is_of_symbol_known(question))
    actions = pl.DataFrame(scan(runtime, CORPORATE_ACTIONS.name, where=where))
    rows = part_series(actions).select(name for name in _ACTION if name in actions.columns).to_dicts()
    return list(_newest(rows, "ex_session", ("knowledge_time",)).values())


def _newest(rows: Iterable[Row], key: str, order: tuple[str, ...]) -> dict[date, Row]:
    return {row[key]: row for row in sorted(rows, key=lambda row: tuple(row[name] for name in order))}


def _is_of_symbol_known(question: BarsQuery) -> ice.BooleanExpression:
    # Positional, as the library documents it; its types describe the keywords of the model underneath.
    equal: Any = ice.EqualTo
    return ice.And(equal("symbol", question.symbol), _is_known_by(question.as_of))


def _is_known_by(as_of: date | None) -> ice.BooleanExpression:
    if as_of is None:
        return ice.AlwaysTrue()
    less: Any = ice.LessThan
    end = datetime.combine(as_of + timedelta(days=1), time(), tzinfo=EXCHANGE_ZONE).astimezone(UTC)
    condition: ice.BooleanExpression = less("knowledge_time", end.isoformat())
    return condition
