"""Symbols that another security has taken: recognised from the evidence. Pure.

When a company is renamed, split up or taken over, its symbol may go to another security on the next session: GCI stood
for TEGNA until 2015-06-26, and for the new Gannett from 2015-06-29 on. The vendor then delivers the new bar without
the one before, since the new security has none. If the price is far from that of the bar before, and no action
explains it, the two bars are of different securities, and no return between them is real.
"""

from __future__ import annotations

from datetime import date, datetime
from math import log

import polars as pl

from afterbell.ingest.actions.decide import ACTIONS, UNDECIDED
from afterbell.ingest.actions.evidence import drop_session
from afterbell.ingest.actions.listings import ANOTHER, moved
from afterbell.ingest.actions.person import PERSON
from afterbell.ingest.actions.ratios import FAR_FROM_ONE
from afterbell.lake.listings import BEGAN, EXPLAINED, HELD, RELEASED, REUSED, WITHDRAWN, WRONG_LISTING, is_factor

FAR = 1.25
"""A close this many times the close before, or less than one over it, is another security's: a vendor may also lose a
symbol's past for no reason."""

_KEY = ["symbol", "ex_session"]
_RESTS_ON = "level; the drop tells nothing of the session before"
_CONFIDENCE = 0.9


def taken_symbols(evidence: pl.DataFrame, actions: pl.DataFrame, renames: pl.DataFrame | None = None) -> pl.DataFrame:
    """The rows that new evidence and new actions justify, in the order in which they become known.

    Args:
        evidence: new ``EVIDENCE`` with knowledge_time (UTC) and drop_id.
        actions: rows of ``market.corporate_actions`` about its sessions, the run's own and the lake's; and all that
            name listings, of whatever session.
        renames: new ``RENAMES``: where the vendor restates the last session of a security that goes on under another
            symbol, with the bar of the security that takes the symbol, the latter begins with this bar.

    Returns:
        ``ACTIONS`` of kind ``REUSED`` that ``actions`` does not have. A bar that is held as another listing's begins a
        new security only once a person has released it.
    """
    reused = actions.filter(pl.col("kind") == REUSED)
    candidates = (
        _candidates(evidence) if renames is None else pl.concat([_candidates(evidence), _moved(evidence, renames)])
    )
    new = pl.concat([candidates, _released(actions)]).unique(_KEY, keep="first", maintain_order=True)
    new = new.join(reused, on=_KEY, how="anti", maintain_order="left")
    open_rows = reused.filter(pl.col("basis") == BEGAN).select(*_KEY, "knowledge_time", "drop_id")
    open_rows = open_rows.join(reused.filter(pl.col("basis") == WITHDRAWN), on=_KEY, how="anti")
    if new.is_empty() and open_rows.is_empty():
        return ACTIONS.to_frame()
    explained = _explanations(actions)
    held = {row[:2]: row[2] for row in _holds(actions).iter_rows()}
    rows: list[tuple[object, ...]] = []
    for symbol, session, known_at, drop_id in new.iter_rows():
        since = _begins(known_at, (symbol, session), held)
        explanation = explained.get((symbol, session))
        if since is None or (explanation is not None and explanation[0] <= since):
            continue
        rows.append(_row(symbol, session, BEGAN, since, drop_id))
        if explanation is not None:
            rows.append(_row(symbol, session, WITHDRAWN, *explanation))
    for symbol, session, known_at, _ in open_rows.iter_rows():
        explanation = explained.get((symbol, session))
        if explanation is not None and explanation[0] > known_at:
            rows.append(_row(symbol, session, WITHDRAWN, *explanation))
    return pl.DataFrame(rows, schema=ACTIONS, orient="row").sort("knowledge_time", *_KEY)


def _candidates(evidence: pl.DataFrame) -> pl.DataFrame:
    """Bars whose own drop has no bar of the session before, and which the lake has one of: far from it."""
    own = drop_session(pl.col("drop_id")) == pl.col("session")
    return _far_off(evidence.filter(pl.col("blur").is_null() & own))


def _moved(evidence: pl.DataFrame, renames: pl.DataFrame) -> pl.DataFrame:
    """The same for restated bars of the session before, where the old security has got another symbol."""
    return _far_off(moved(evidence, renames))


def _far_off(evidence: pl.DataFrame) -> pl.DataFrame:
    """Symbol, ex_session, knowledge_time and drop_id of what lies far from the bar before, as it became known."""
    positive = (pl.col("close_before") > 0) & (pl.col("close") > 0)
    far = (pl.col("close") / pl.col("close_before")).log().abs() > log(FAR)
    far_bars = evidence.filter(positive & far).sort("knowledge_time", "symbol", "session")
    return far_bars.select("symbol", pl.col("session").alias("ex_session"), "knowledge_time", "drop_id")


def _released(actions: pl.DataFrame) -> pl.DataFrame:
    """Bars without a bar before in their drop that were held as another listing's, and that a person has released."""
    named = actions.filter(pl.col("kind") == WRONG_LISTING)
    freed = named.filter(pl.col("basis") == RELEASED).select(_KEY).unique()
    held = named.filter((pl.col("basis") == HELD) & (pl.col("rests_on") == ANOTHER)).sort("knowledge_time")
    return held.join(freed, on=_KEY, how="semi").select(*_KEY, "knowledge_time", "drop_id")


def _explanations(actions: pl.DataFrame) -> dict[tuple[str, date], tuple[datetime, str]]:
    """Since when an action, or a person's word about it, explains a session's move, and the drop that showed it."""
    far = actions.filter(
        is_factor()
        & (((pl.col("factor") - 1).abs() > FAR_FROM_ONE) & (pl.col("basis") != UNDECIDED) | (pl.col("basis") == PERSON))
    ).sort("knowledge_time")
    first = far.unique(_KEY, keep="first", maintain_order=True)
    return {(row[0], row[1]): (row[2], row[3]) for row in first.select(*_KEY, "knowledge_time", "drop_id").iter_rows()}


def _holds(actions: pl.DataFrame) -> pl.DataFrame:
    """Sessions whose bar is held as another listing's, and since when a person has released it; null for never."""
    named = actions.filter(pl.col("kind") == WRONG_LISTING)
    held = named.filter(pl.col("basis") == HELD).select(_KEY).unique()
    freed = named.filter(pl.col("basis").is_in([RELEASED, EXPLAINED])).group_by(_KEY)
    return held.join(freed.agg(pl.col("knowledge_time").min()), on=_KEY, how="left")


def _begins(
    known_at: datetime, key: tuple[str, date], held: dict[tuple[str, date], datetime | None]
) -> datetime | None:
    if key not in held:
        return known_at
    released_at = held[key]
    return None if released_at is None else max(known_at, released_at)


def _row(symbol: str, session: date, basis: str, known_at: datetime, drop_id: str) -> tuple[object, ...]:
    return symbol, session, 1.0, REUSED, basis, known_at, drop_id, _CONFIDENCE, _RESTS_ON
