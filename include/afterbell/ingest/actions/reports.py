"""Reported actions: what a source of kind ``actions`` reports about an ex-session, and from when on it counts. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

import polars as pl

from afterbell.calendar.sessions import Exchange
from afterbell.ingest.actions.kinds import DIVIDEND, SPLIT, declared_kind, split_factor
from afterbell.ingest.revisions import something_new
from afterbell.sources.reported import VALUES
from afterbell.sources.source import Source

ABOVE_CLOSE = "amount_above_close"
"""Rule of an amount that is no less than the close it is paid from."""

_COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "symbol": pl.String,
    "ex_session": pl.Date,
    "factor": pl.Float64,
    "amount": pl.Float64,
    "kind": pl.String,
    "source": pl.String,
    "key": pl.String,
    "session": pl.Date,
    "knowledge_time": pl.Datetime("us", "UTC"),
    "drop_id": pl.String,
}
REPORTED = pl.Schema(_COLUMNS)
"""What a drop reports about a symbol and ex-session: the factor of its splits and of payouts given as one, 1 for none;
the amount paid, in the listing's currency a share of the session before, 0 for none; ``session`` is the drop's."""

_REFUSED = pl.Schema({**_COLUMNS, "close": pl.Float64, "known": pl.Datetime("us", "UTC")})
REPORT_KEY = ("symbol", "ex_session", "source")
_CONTENT = ("amount", "kind", "_factor")
_DIGITS = 5
"""Cumulative factors are written anew with each action, and the steps between them differ by their rounding."""


@dataclass(frozen=True)
class ReportedAction:
    """A reported action that counts.

    Attributes:
        symbol: as the source writes it.
        ex_session: the session on which it takes effect.
        factor: a price before it times this compares with later ones; 1 where the source takes an action back.
        kind: ``split`` or ``dividend``.
        source: which reports it.
        rank: of that source.
        reported_at: its drop's knowledge time.
        known: from when on it counts: not before its ex-session, nor before the close that an amount is paid from.
        drop_id: its drop.
    """

    symbol: str
    ex_session: date
    factor: float
    kind: str
    source: str
    rank: int
    reported_at: datetime
    known: datetime
    drop_id: str


def gather(rows: pl.DataFrame, sources: Mapping[str, Source]) -> pl.DataFrame:
    """Rows of drops as ``REPORTED`` with ``late`` (Boolean): one for each drop, symbol and ex-session.

    Args:
        rows: accepted rows: symbol, ex_session, factor, ratio, amount or kind, source, key, session, knowledge_time,
            drop_id, late.
        sources: those of kind ``actions``, by name.
    """
    nulls = [pl.lit(None, pl.Float64).alias(name) for name in VALUES if name not in rows.columns]
    rows = rows.with_columns(*nulls, *([] if "kind" in rows.columns else [pl.lit(None, pl.String).alias("kind")]))
    kinds = [
        source_rows.with_columns(declared=declared_kind(sources[name]))
        for (name,), source_rows in rows.group_by("source", maintain_order=True)
    ]
    rows = pl.concat(kinds)
    split = split_factor(pl.col("declared"), pl.col("factor"), pl.col("ratio"))
    # A factor is the whole of its payout: an amount beside it repeats it.
    paid = pl.when(pl.col("factor").is_null() | pl.col("ratio").is_not_null()).then(pl.col("amount"))
    rows = rows.with_columns(split=split, paid=paid)
    payout = pl.when(pl.col("split").is_null()).then(pl.col("factor"))
    about = ["symbol", "ex_session", "source", "key", "session", "knowledge_time", "drop_id", "late"]
    gathered = rows.group_by(about, maintain_order=True).agg(
        factor=pl.col("split").first(ignore_nulls=True).fill_null(1.0) * payout.fill_null(1.0).product(),
        amount=pl.col("paid").sum(),
        kind=pl.when(pl.col("split").is_not_null().any()).then(pl.lit(SPLIT)).otherwise(pl.lit(DIVIDEND)),
    )
    return gathered.select(*REPORTED, "late")


def new_reports(rows: pl.DataFrame, written: pl.DataFrame) -> pl.DataFrame:
    """``REPORTED`` rows with something new.

    Args:
        rows: as ``gather`` gives them.
        written: the lake's ``REPORTED`` rows about the same ex-sessions.
    """
    known = written.select(list(REPORTED)).with_columns(late=False, known=True)
    every = pl.concat([known, rows.with_columns(known=pl.lit(value=False))], how="vertical_relaxed")
    changed = something_new(every.with_columns(_factor=pl.col("factor").log().round(_DIGITS)), REPORT_KEY, _CONTENT)
    return changed.filter(~pl.col("known")).select(list(REPORTED))


@dataclass(frozen=True)
class Resolved:
    """Reported actions with their factors.

    Attributes:
        counting: those that count, now or from a later instant on.
        refused: rows of ``REPORTED`` with ``close`` and ``known``: an amount that is no less than the close it is paid
            from.
    """

    counting: list[ReportedAction]
    refused: pl.DataFrame


def resolve(reports: pl.DataFrame, bars: pl.DataFrame, sources: Mapping[str, Source]) -> Resolved:
    """The factors of reported actions, and from when on they count.

    An amount waits for the bar of the session before; of several revisions that one counts which is known when the
    report begins to count, so that a later one changes nothing.

    Args:
        reports: ``REPORTED``; of sources that are not declared nothing counts.
        bars: rows of ``market.bars`` of the sessions before amounts: symbol, session, close, knowledge_time, revision.
        sources: those of kind ``actions``, by name.
    """
    closes = _Closes(bars)
    counting: list[ReportedAction] = []
    refused: list[dict[str, object]] = []
    known_from = _known_from(sources)
    for row in reports.filter(pl.col("source").is_in(list(sources))).iter_rows(named=True):
        source = sources[row["source"]]
        known, factor = max(row["knowledge_time"], known_from(source, row["ex_session"])), row["factor"]
        if row["amount"]:
            known_close = closes.known(row["symbol"], Exchange(source.exchange).previous(row["ex_session"]), known)
            if known_close is None:
                continue
            known, close = known_close
            if row["amount"] >= close:
                refused.append(row | {"close": close, "known": known})
                continue
            factor *= 1 - row["amount"] / close
        about = (row["symbol"], row["ex_session"], factor, row["kind"], row["source"], source.rank)
        counting.append(ReportedAction(*about, row["knowledge_time"], known, row["drop_id"]))
    return Resolved(counting, pl.DataFrame(refused, schema=_REFUSED, orient="row"))


def _known_from(sources: Mapping[str, Source]) -> Callable[[Source, date], datetime]:
    """When the content of a session is known, by source; each looked up once."""
    times: dict[tuple[str, date], datetime] = {}

    def known_from(source: Source, session: date) -> datetime:
        key = (source.name, session)
        if key not in times:
            times[key] = sources[source.name].knowledge_time(session)
        return times[key]

    return known_from


class _Closes:
    """Closes by symbol and session, as they became known."""

    def __init__(self, bars: pl.DataFrame) -> None:
        self._closes: dict[tuple[str, date], list[tuple[datetime, float]]] = {}
        rows = bars.sort("knowledge_time", "revision").select("symbol", "session", "knowledge_time", "close")
        for symbol, session, known, close in rows.iter_rows():
            self._closes.setdefault((symbol, session), []).append((known, close))

    def known(self, symbol: str, session: date, instant: datetime) -> tuple[datetime, float] | None:
        """The close that is known at an instant, or at the first one after it when there is one."""
        closes = self._closes.get((symbol, session))
        if not closes:
            return None
        instant = max(instant, closes[0][0])
        return instant, [close for known, close in closes if known <= instant][-1]
