"""Another security's bars under a symbol: recognised from the evidence, and the vendor's return. Pure.

A bar is suspicious if its drop lacks the bar before it (the symbol's past is lost, as with another security number) or
a later drop changes it, its close is far from the one before, no action explains it, and its volume doesn't fit: a
fraction of the dollars traded before. News brings more dollars, a split about as many. Where its own drop has both
bars, the close must be farther still, and not go back to where it was a few sessions ago: then the bar before it was
wrong.

What follows from a row of evidence depends on what was known when it came, and on whether its symbol is held. So a run
over years finds what each of its nights finds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime
from math import log
from typing import Literal

import polars as pl

from afterbell.ingest.actions.decide import ACTIONS, UNDECIDED
from afterbell.ingest.actions.evidence import drop_session
from afterbell.ingest.actions.ratios import FAR_FROM_ONE
from afterbell.lake.listings import EXPLAINED, HELD, RELEASED, RETURNED, WRONG_LISTING, is_factor

LARGE_STEP = 1.5
"""A close this many times the close before, or less than one over it, is far."""
HUGE_STEP = 3.0
"""The same where the drop has both bars: many shares lose half of a sudden rise with little volume."""
FEW_DOLLARS = 0.25
"""Less than this share of the dollars traded in the session before does not fit."""
LEAST_DOLLARS = 50_000.0
"""Of the session before: where fewer were traded, the volume proves nothing."""

LISTINGS = pl.Schema(ACTIONS | {"close_before": pl.Float64, "close": pl.Float64})
"""Rows of ``market.corporate_actions`` of kind ``WRONG_LISTING``, see ``afterbell.lake.listings``."""

BACK_WITHIN = 10
"""Days within which a close may go back."""
_BACK = 0.35
ANOTHER = "volume, level; the drop tells nothing of the session before"
"""``rests_on`` of a hold whose bar came without the one before."""
_RESTATED = "volume, level; a later drop tells the close otherwise"
_ALONE = "volume, level"

Releases = Mapping[tuple[str, date], datetime]


@dataclass(frozen=True)
class _Source:
    """What a row rests on: a symbol's session, when that became known, and the drop that showed it."""

    symbol: str
    session: date
    knowledge_time: datetime
    drop_id: str


@dataclass(frozen=True)
class _Evidence(_Source):
    """A row of ``_candidates``."""

    close_before: float
    close: float
    begins: bool
    alone: bool
    newcomer: bool


def _evidence_of(rows: pl.DataFrame) -> Iterator[_Evidence]:
    return (_Evidence(*row) for row in rows.select(field.name for field in fields(_Evidence)).iter_rows())


@dataclass(frozen=True)
class Hold:
    """An open hold: the session it begins with, the right close before, the wrong one, and since when it is known."""

    session: date
    right: float
    wrong: float
    known: datetime

    def ended_by(self, close: float) -> bool:
        """Whether ``close`` lies nearer to the right listing's level."""
        return abs(log(close / self.right)) < abs(log(close / self.wrong))


def wrong_listings(
    evidence: pl.DataFrame,
    actions: pl.DataFrame,
    earlier: pl.DataFrame,
    releases: Releases | None = None,
    known: pl.DataFrame | None = None,
    renames: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """The rows that new evidence justifies, in the order in which they become known.

    Args:
        evidence: new ``EVIDENCE`` with knowledge_time (UTC) and drop_id.
        actions: rows of ``market.corporate_actions`` about its sessions, the run's own and the lake's.
        earlier: rows of kind ``WRONG_LISTING`` that the lake has, of all sessions.
        releases: when a person released a hold, by symbol and its session.
        known: the lake's evidence of ``BACK_WITHIN`` days before that of ``evidence``, or of more.
        renames: new ``RENAMES``. Where the right security goes on under another symbol, the other bars are no mistake.

    Returns:
        ``LISTINGS``.
    """
    open_holds = _open(earlier)
    freed = releases or {}
    rows = _candidates(evidence if renames is None else without_moved(evidence, renames), known, list(open_holds))
    symbols = pl.concat([rows["symbol"], pl.Series("symbol", list(open_holds), dtype=pl.String)]).unique()
    explained = _Explained(actions.filter(is_factor() & pl.col("symbol").is_in(symbols.implode())))
    changes: list[dict[str, object]] = []
    for symbol in sorted(set(rows["symbol"])):
        symbol_rows = rows.filter(pl.col("symbol") == symbol)
        changes += _of_symbol(_evidence_of(symbol_rows), open_holds.get(symbol), explained, freed)
    made = pl.DataFrame(changes, schema=LISTINGS)
    every = pl.concat([earlier.select(list(LISTINGS)), made])
    last = _open(every)
    explanations = [row for symbol, hold in sorted(last.items()) for row in _explained_since(symbol, hold, explained)]
    released = _released(every, freed)
    made = pl.concat([made, pl.DataFrame(explanations, schema=LISTINGS), released])
    made = made.sort("knowledge_time", "symbol", "ex_session")
    key = ["symbol", "ex_session", "basis", "knowledge_time"]
    return made.join(earlier.select(key), on=key, how="anti").unique(key, keep="first", maintain_order=True)


def moved(evidence: pl.DataFrame, renames: pl.DataFrame) -> pl.DataFrame:
    """Evidence about the last session of a security that goes on under another symbol, as its new drop gives it."""
    return _beside_renames(evidence, renames, "semi")


def without_moved(evidence: pl.DataFrame, renames: pl.DataFrame) -> pl.DataFrame:
    """The rest of ``moved``."""
    return _beside_renames(evidence, renames, "anti")


def _beside_renames(evidence: pl.DataFrame, renames: pl.DataFrame, how: Literal["semi", "anti"]) -> pl.DataFrame:
    about = renames.select("drop_id", symbol="predecessor", session="previous_session")
    return evidence.join(about, on=["drop_id", "symbol", "session"], how=how, maintain_order="left")


def _released(rows: pl.DataFrame, releases: Releases) -> pl.DataFrame:
    """The rows of holds that a person has released."""
    holds = rows.filter(pl.col("basis") == HELD).select(
        "symbol", "ex_session", "close_before", "close", "knowledge_time"
    )
    released = [
        {"symbol": symbol, "ex_session": session, "factor": 1.0, "kind": WRONG_LISTING, "basis": RELEASED,
         "knowledge_time": max(released_at, known), "drop_id": "", "confidence": 1.0, "rests_on": "a person's word",
         "close_before": right, "close": wrong}
        for symbol, session, right, wrong, known in holds.iter_rows()
        if (released_at := releases.get((symbol, session))) is not None
    ]  # fmt: skip
    return pl.DataFrame(released, schema=LISTINGS)


def _open(earlier: pl.DataFrame) -> dict[str, Hold]:
    """The last hold of each symbol, if nothing has ended it."""
    open_holds: dict[str, Hold] = {}
    for row in earlier.sort("knowledge_time", "ex_session").iter_rows(named=True):
        if row["basis"] == HELD:
            open_holds[row["symbol"]] = Hold(
                row["ex_session"], row["close_before"], row["close"], row["knowledge_time"]
            )
        else:
            open_holds.pop(row["symbol"], None)
    return open_holds


def _candidates(evidence: pl.DataFrame, known: pl.DataFrame | None, held: list[str]) -> pl.DataFrame:
    """Evidence that may begin a hold or end one, in the order in which it became known."""
    positive = (pl.col("close_before") > 0) & (pl.col("close") > 0)
    priced = evidence.filter(positive)
    own = drop_session(pl.col("drop_id")) == pl.col("session")
    rows = priced.with_columns(elsewhere=~own.fill_null(value=False), newcomer=pl.col("blur").is_null())
    step = (pl.col("close") / pl.col("close_before")).log().abs()
    dollars = pl.col("close") * pl.col("volume") / (pl.col("close_before") * pl.col("volume_before"))
    enough = pl.col("close_before") * pl.col("volume_before") >= LEAST_DOLLARS
    rows = rows.with_columns(alone=~pl.col("elsewhere") & ~pl.col("newcomer"))
    rows = rows.with_columns(
        begins=(step > pl.when("alone").then(log(HUGE_STEP)).otherwise(log(LARGE_STEP)))
        & enough
        & (dollars < FEW_DOLLARS).fill_null(value=False)
    )
    symbols = pl.concat([rows.filter("begins")["symbol"], pl.Series("symbol", held, dtype=pl.String)]).unique()
    rows = rows.filter(pl.col("symbol").is_in(symbols.implode())).with_row_index("_row")
    moves = priced.select(_MOVES)
    past = moves if known is None else pl.concat([known.filter(positive).select(_MOVES), moves])
    back = _gone_back(rows.filter(pl.col("begins") & pl.col("alone")), past)
    rows = rows.join(back, on="_row", how="left")
    rows = rows.with_columns(begins=pl.col("begins") & pl.col("_back").is_null())
    return rows.sort("symbol", "knowledge_time", "session", "drop_id", "close")


_MOVES = ("symbol", "session", "close_before", "close", "knowledge_time")


def _gone_back(rows: pl.DataFrame, past: pl.DataFrame) -> pl.DataFrame:
    """Which of ``rows`` (``_row``) only undo a move of a few sessions before, by what was known then."""
    before = past.select("symbol", _then="session", _move=_step(), _known="knowledge_time")
    now = rows.select("_row", "symbol", "session", "knowledge_time", _own=_step())
    pairs = now.join(before, on="symbol", how="inner")
    days = (pl.col("session") - pl.col("_then")).dt.total_days()
    near = pairs.filter((days > 0) & (days <= BACK_WITHIN) & (pl.col("_known") <= pl.col("knowledge_time")))
    # Of several values the newest counts.
    newest = near.sort("_known").unique(["_row", "_then"], keep="last", maintain_order=True)
    undone = (pl.col("_own") + pl.col("_move")).abs() < _BACK
    return newest.filter(undone).select("_row", _back=pl.lit(value=True)).unique()


def _step() -> pl.Expr:
    return (pl.col("close") / pl.col("close_before")).log()


class _Explained:
    """Which sessions of a symbol an action explains, and since when that is known."""

    def __init__(self, actions: pl.DataFrame) -> None:
        basis = pl.col("basis") if "basis" in actions.columns else pl.lit("")
        far = actions.filter(((pl.col("factor") - 1).abs() > FAR_FROM_ONE) | (basis == UNDECIDED))
        since = far.group_by("symbol", "ex_session").agg(pl.col("knowledge_time").min(), pl.col("drop_id").first())
        self._since = {(row[0], row[1]): (row[2], row[3]) for row in since.iter_rows()}

    def by(self, symbol: str, session: date) -> tuple[datetime, str] | None:
        """When, and the drop that showed it; None for none."""
        return self._since.get((symbol, session))

    def known(self, symbol: str, session: date, instant: datetime) -> bool:
        """Whether it was known at that instant."""
        explanation = self.by(symbol, session)
        return explanation is not None and explanation[0] <= instant


def _of_symbol(
    rows: Iterable[_Evidence], hold: Hold | None, explained: _Explained, releases: Releases
) -> Iterator[dict[str, object]]:
    """What one symbol's evidence changes, row after row."""
    for row in rows:
        session, instant, close = row.session, row.knowledge_time, row.close
        if hold is not None and (since := explained.by(row.symbol, hold.session)) and hold.known < since[0] <= instant:
            yield from _explained_since(row.symbol, hold, explained)
            hold = None
        if hold is not None and (released_at := releases.get((row.symbol, hold.session))) and released_at <= instant:
            hold = None
        if hold is not None:
            if session > hold.session and hold.ended_by(close):
                yield _row(row, RETURNED, hold.right, close, "level")
                hold = None
            continue
        if row.begins and not explained.known(row.symbol, session, instant):
            hold = Hold(session, row.close_before, close, instant)
            witness = _ALONE if row.alone else ANOTHER if row.newcomer else _RESTATED
            yield _row(row, HELD, hold.right, close, witness)


def _explained_since(symbol: str, hold: Hold, explained: _Explained) -> Iterator[dict[str, object]]:
    since = explained.by(symbol, hold.session)
    if since is None or since[0] <= hold.known:
        return
    source = _Source(symbol, hold.session, *since)
    yield _row(source, EXPLAINED, hold.right, hold.wrong, "an action that became known later")


def _row(row: _Source, basis: str, right: float, close: float, rests_on: str) -> dict[str, object]:
    return {
        "symbol": row.symbol, "ex_session": row.session, "factor": 1.0, "kind": WRONG_LISTING, "basis": basis,
        "knowledge_time": row.knowledge_time, "drop_id": row.drop_id, "confidence": None, "rests_on": rests_on,
        "close_before": right, "close": close,
    }  # fmt: skip
