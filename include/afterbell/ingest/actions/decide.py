"""Corporate actions from the evidence of several drops. Pure.

A drop shows a factor between two sessions (``afterbell.ingest.actions.evidence``), but not always where it belongs: the
vendor shows some adjustments a session or more too early, then again on the day, some late, some never. So:

* A factor far from 1 takes effect on the session on which the traded price moves by it. Claims of the same factor on
  neighbouring sessions are one action. Until the price has moved there is no action.
* A factor near 1, nearly always a dividend, takes effect on the session for which the vendor shows it. The same amount
  shown again within a fortnight is the same dividend, and the newer claim counts: it adjusts the session before still.
  A payer of such an amount every week or two is known by a third one.
* A split that the vendor shows on no session is believed from price and shares where it can hardly be anything else
  (``afterbell.ingest.actions.inference``), unless the price goes back. Where the ratio is unclear, nothing is
  adjusted, and the row records it.

The shares show whether their number changed (a split) or something was paid out (a dividend): many vendors multiply the
volume of the session before by a split. A factor above 1 is never a payout.

What is believed of a session depends on the evidence within ``INFLUENCE`` days of it alone, so a run needs no more than
``WINDOW`` sessions around its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from itertools import groupby
from math import log
from operator import attrgetter
from typing import NamedTuple

import polars as pl

from afterbell.ingest.actions.inference import Reading, split_from_price
from afterbell.ingest.actions.kinds import DIVIDEND, SPLIT
from afterbell.ingest.actions.quiet import REACH, REPEAT, set_apart
from afterbell.ingest.actions.ratios import COMMON, FAR_FROM_ONE, misfit, split_ratio

INFLUENCE = max(2 * REACH, REPEAT)
"""Days: evidence further away from a session changes nothing about it."""

WINDOW = 20
"""Sessions before and after a session whose evidence decides what it and the others around it are believed to be:
``2 * INFLUENCE`` days hold no more."""

VENDOR, MOVED, PRICE, UNDECIDED, WITHDRAWN = "vendor", "vendor_moved", "price", "undecided", "withdrawn"
"""Shown by the vendor on that session; on another one; by price and shares alone; by these, but without a ratio that
can be distinguished from its neighbours, so that nothing is adjusted; believed no more."""

_COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "symbol": pl.String,
    "ex_session": pl.Date,
    "factor": pl.Float64,
    "kind": pl.String,
    "basis": pl.String,
    "knowledge_time": pl.Datetime("us", "UTC"),
    "drop_id": pl.String,
    "confidence": pl.Float64,
    "rests_on": pl.String,
}
ACTIONS = pl.Schema(_COLUMNS)
"""A price before ``ex_session`` times ``factor`` compares with later ones. ``confidence`` is the probability that ratio
and session are right (0 to 1), ``rests_on`` names the witnesses: vendor, price, shares."""

CERTAIN, BORNE_OUT, SINGLE_WITNESS, ELSEWHERE = 0.999, 0.99, 0.95, 0.9
"""Confidence in what vendor, price and shares show; vendor and price; the vendor alone, for a payout that the price
can't show; the vendor for one session and the price for another."""

_SAME_MOVE = 0.15
_SAME_FACTOR = 0.02
_SAME_PAYOUT = 0.01


class Belief(NamedTuple):
    """The action that is believed to take effect on a session."""

    factor: float
    kind: str
    basis: str
    confidence: float = 0.0
    rests_on: str = ""


@dataclass(frozen=True)
class Seen:
    """One row of evidence: prices in dollars as traded, volumes in shares, as in ``EVIDENCE``."""

    session: date
    factor: float
    blur: float | None
    close_before: float
    volume_before: int
    open: float
    high: float
    low: float
    close: float
    volume: int
    knowledge_time: datetime
    drop_id: str
    volume_told: int | None = None
    known: bool = False
    late: bool = False

    @cached_property
    def day(self) -> int:
        """The session as a number of days."""
        return self.session.toordinal()

    @cached_property
    def move(self) -> float:
        """The close over the close before, as traded."""
        return self.close / self.close_before

    @cached_property
    def claims(self) -> bool:
        """Whether the vendor shows a factor."""
        return self.factor != 1.0

    @cached_property
    def far(self) -> bool:
        """Whether that factor is so far from 1 that the traded price must show it."""
        return abs(self.factor - 1) > FAR_FROM_ONE

    def fits(self, factor: float) -> bool:
        """Whether the price moved nearer to ``factor`` than to nothing, at the open or by the close."""
        moves = (self.open / self.close_before, self.move)
        return any(misfit(move, factor) < abs(log(move)) for move in moves)

    @cached_property
    def inferred(self) -> Reading | None:
        """The split that price and shares show by themselves."""
        return split_from_price(
            close_before=self.close_before,
            volume_before=self.volume_before,
            open=self.open,
            high=self.high,
            low=self.low,
            close=self.close,
            volume=self.volume,
            newcomer=self.blur is None,
        )

    @cached_property
    def scaled(self) -> bool:
        """Whether the vendor has multiplied the shares of the session before, as a split does."""
        if not (self.volume_told and self.volume_before):
            return False
        grown = log(self.volume_before / self.volume_told)
        return abs(grown + log(self.factor)) < abs(grown) / 4

    @cached_property
    def shares_follow(self) -> bool:
        """Whether the shares support a split: restated by the vendor, or traded in new ones since."""
        if self.scaled:
            return True
        if not (self.volume_before and self.volume):
            return False
        grown = log(self.volume / self.volume_before)
        return abs(grown + log(self.factor)) < abs(grown)


def corporate_actions(evidence: pl.DataFrame) -> pl.DataFrame:
    """All action rows that the evidence justifies, in the order in which they become known.

    Args:
        evidence: ``EVIDENCE`` with knowledge_time (UTC) and drop_id, in any order. Where it has the Boolean column
            ``known``, rows with it are context only: what they made known is recorded already. Where it has ``late``,
            such a row counts only if nothing is known about its symbol and session.

    Returns:
        ``ACTIONS``. A later row about the same symbol and ex-session replaces an earlier one; factor 1.0 withdraws it.
    """
    usable = evidence.filter(pl.col("close_before").is_not_null())
    columns = [name for name in Seen.__dataclass_fields__ if name in usable.columns]
    weighed_rows: list[tuple[object, ...]] = []
    dividends, weighed = set_apart(usable)
    ordered = weighed.sort("symbol", "knowledge_time", "session", "drop_id").select("symbol", *columns)
    for symbol, group in groupby(ordered.iter_rows(), key=lambda row: row[0]):
        seen = [Seen(**dict(zip(columns, row[1:], strict=True))) for row in group]
        weighed_rows += [(symbol, *row) for row in _changes(seen)]
    alone = dividends.with_columns(
        ex_session="session",
        kind=pl.lit(DIVIDEND),
        basis=pl.lit(VENDOR),
        confidence=pl.lit(SINGLE_WITNESS),
        rests_on=pl.lit("vendor"),
    )
    actions = pl.concat([pl.DataFrame(weighed_rows, schema=ACTIONS, orient="row"), alone.select(list(ACTIONS))])
    return actions.sort("knowledge_time", "symbol", "ex_session")


def _changes(seen: list[Seen]) -> Iterator[tuple[object, ...]]:
    """What each batch of one symbol's evidence, all known at one instant, changes in what is believed."""
    newest: dict[date, Seen] = {}
    for instant, group in groupby(seen, key=attrgetter("knowledge_time")):
        batch = list(group)
        before = _around(newest, batch)
        for row in batch:
            if not (row.late and row.session in newest):
                newest[row.session] = row
        if all(row.known for row in batch):
            continue
        earlier, later = believe(before), believe(_around(newest, batch))
        for session in sorted(earlier.keys() | later.keys()):
            belief = later.get(session)
            # Further away the evidence at hand is incomplete.
            if belief != earlier.get(session) and _days_to(session, batch) <= INFLUENCE:
                change = belief or Belief(1.0, earlier[session].kind, WITHDRAWN)
                factor, kind, basis, confidence, rests_on = change
                yield session, factor, kind, basis, instant, batch[-1].drop_id, confidence, rests_on


def _around(newest: dict[date, Seen], batch: list[Seen]) -> list[Seen]:
    days = [row.day for row in batch]
    first, last = min(days) - 2 * INFLUENCE, max(days) + 2 * INFLUENCE
    nearby = [row for row in newest.values() if first <= row.day <= last]
    if len(days) > 1:
        nearby = [row for row in nearby if any(abs(row.day - day) <= 2 * INFLUENCE for day in days)]
    return sorted(nearby, key=attrgetter("day"))


def _days_to(session: date, batch: list[Seen]) -> int:
    ordinal = session.toordinal()
    return min(abs(ordinal - row.day) for row in batch)


def believe(rows: list[Seen]) -> dict[date, Belief]:
    """The actions that one symbol's evidence justifies, by ex-session.

    Args:
        rows: at most one a session, ascending.
    """
    beliefs = {}
    claims = [row for row in rows if row.claims and row.far]  # most symbols have none
    for row in rows:
        if row.claims:
            belief = _as_claimed(row, rows)
        else:
            belief = _claimed_elsewhere(row, claims, rows) or _from_price(row, rows)
        if belief is not None:
            beliefs[row.session] = belief
    return beliefs


def _near(row: Seen, rows: list[Seen]) -> list[Seen]:
    return [other for other in rows if other is not row and abs(other.day - row.day) <= REACH]


def _as_claimed(row: Seen, rows: list[Seen]) -> Belief | None:
    """What the vendor claims for this very session, unless the price or another claim contradicts it."""
    if not row.far:
        return None if _is_repeated(row, rows) else _small(row)
    if not row.fits(row.factor):
        return None
    rivals = [other for other in _near(row, rows) if _same_claim(row, other) and other.fits(row.factor)]
    own_misfit = misfit(row.move, row.factor)
    if any(misfit(other.move, row.factor) < own_misfit for other in rivals):
        return None
    return _belief(row, VENDOR)


def _small(row: Seen) -> Belief | None:
    """A factor near 1: something paid out, or a few new shares for each hundred, which the volume shows."""
    stock = _stock_dividend(row)
    if stock is not None:
        return Belief(stock, SPLIT, VENDOR, CERTAIN, "vendor, shares")
    # Nothing is paid in: shares were put together, perhaps with a payout at the same time.
    return Belief(row.factor, DIVIDEND if row.factor < 1 else SPLIT, VENDOR, SINGLE_WITNESS, "vendor")


_WHOLE_PERCENT = 100
_SAME_SHARES = 0.005


def _stock_dividend(row: Seen) -> float | None:
    """The factor of a whole per cent of new shares, where the vendor counts the session before in them."""
    if not row.scaled or not row.volume_told:
        return None
    if abs(row.volume_before / row.volume_told * row.factor - 1) > _SAME_SHARES:
        return None
    exact = _WHOLE_PERCENT / round(_WHOLE_PERCENT / row.factor)
    return exact if exact != 1.0 and abs(exact - row.factor) <= (row.blur or 0.0) else None


def _is_repeated(row: Seen, rows: list[Seen]) -> bool:
    """Whether the same payout is shown for a later session of the same fortnight, and is not one of a regular payer."""
    near = [other for other in rows if abs(other.day - row.day) <= REPEAT and _same_payout(row, other)]
    later = sorted(other.day - row.day for other in near if other.day > row.day)
    if not later:
        return False
    regular = any(other.day <= row.day - REACH for other in near) or later[-1] >= later[0] + REACH
    return later[0] < REACH or not (regular or _year_end(row.session + timedelta(days=later[0])))


def _year_end(session: date) -> bool:
    """Whether funds bring January's payout forward to it, beside that of December, for the year's taxes."""
    return (session.month, session.day) >= (12, 18)


def _claimed_elsewhere(row: Seen, claims: list[Seen], rows: list[Seen]) -> Belief | None:
    """What the vendor claims for a session near by, on which the price did not move, while it did on this one."""
    for claim in _near(row, claims):
        if not row.fits(claim.factor) or claim.fits(claim.factor):
            continue
        near = _near(claim, rows)
        if any(_same_claim(claim, other) and other.fits(claim.factor) for other in near):
            continue  # that claim stands for itself
        best = min(
            (other for other in near if not other.claims), key=lambda candidate: misfit(candidate.move, claim.factor)
        )
        if best is row:
            return _belief(claim, MOVED)
    return None


def _from_price(row: Seen, rows: list[Seen]) -> Belief | None:
    reading = row.inferred
    if reading is None:
        return None
    # A price that goes back, or that came back, was quoted in other units for a while.
    undone = reading.factor or row.move
    if any(misfit(other.move, 1 / undone) < _SAME_MOVE for other in _near(row, rows) if not other.claims):
        return None
    if reading.factor is None:
        return Belief(1.0, SPLIT, UNDECIDED, reading.confidence, "price, shares")
    return Belief(reading.factor, SPLIT, PRICE, reading.confidence, "price, shares")


def _belief(claim: Seen, basis: str) -> Belief:
    """A factor far from 1: a split, unless its ratio or the shares rule that out."""
    ratio = split_ratio(claim.factor, claim.blur or 0.0)
    payout = claim.factor < 1 and (ratio is None or not (ratio in COMMON or claim.shares_follow))
    surest = CERTAIN if claim.scaled and not payout else BORNE_OUT
    confidence = surest if basis == VENDOR else ELSEWHERE
    rests_on = "vendor, price, shares" if claim.scaled and not payout else "vendor, price"
    if payout:
        return Belief(claim.factor, DIVIDEND, basis, confidence, rests_on)
    return Belief(ratio or claim.factor, SPLIT, basis, confidence, rests_on)


def _same_claim(one: Seen, other: Seen) -> bool:
    slack = _SAME_FACTOR + (one.blur or 0.0) / one.factor + (other.blur or 0.0) / other.factor
    return other.claims and misfit(other.factor, one.factor) <= slack


def _same_payout(one: Seen, other: Seen) -> bool:
    """Whether two factors near 1 stand for the same amount a share, or the same share of the price."""
    if other is one or not other.claims or other.far:
        return False
    return _alike(one, other, one.close_before, other.close_before) or _alike(one, other, 1.0, 1.0)


def _alike(one: Seen, other: Seen, scale: float, other_scale: float) -> bool:
    paid, again = (1 - one.factor) * scale, (1 - other.factor) * other_scale
    slack = (one.blur or 0.0) * scale + (other.blur or 0.0) * other_scale
    return abs(paid - again) <= slack + _SAME_PAYOUT * abs(paid)
