"""Sessions about whose corporate actions the vendor reported nothing: not seen is not "none". Pure.

A vendor shows an action by delivering the session and the one before it in one drop. Where that drop was empty, was
taken before the close, came with one session only or never came, dividends of that session are not known.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date

import polars as pl

NEAR = 20
"""Sessions beside a session that show how many bars its vendor usually compares."""

ENOUGH = 0.5
"""From this share of the usual number of bars on a session counts as seen."""

LEDGER = ("source", "session", "state", "compared", "knowledge_time")
"""Columns of ``raw.drops`` that are needed."""


def crossed(sessions: Sequence[date], unseen: Collection[date], before: int, after: int = 0) -> list[bool]:
    """Whether a return crosses a session without evidence.

    Args:
        sessions: the exchange's, ascending and without a gap.
        unseen: as ``unseen_sessions`` gives them.
        before: sessions of the look-back: a return over so many ends with each session.
        after: ... and one over so many begins with it.

    Returns:
        For each session whether one of those after the first of its look-back, up to the last after it, is unseen.
    """
    marks = [day in unseen for day in sessions]
    return [any(marks[max(0, place - before + 1) : place + after + 1]) for place in range(len(marks))]


def unseen_sessions(ledger: pl.DataFrame, calendar: Sequence[date]) -> dict[str, list[date]]:
    """The sessions without evidence, by source.

    Args:
        ledger: rows of ``raw.drops``, ``LEDGER``; ``compared`` is how many bars a drop delivered together with those of
            the session before, null where the source shows no actions, or the row is older than the column.
        calendar: the exchange's sessions in question, ascending.

    Returns:
        For each source that shows actions the sessions, ascending, from its second drop on to its last one, of which
        it has compared less than ``ENOUGH`` of what it usually does.
    """
    unseen = {}
    comparing = ledger.filter(pl.col("compared").is_not_null())
    for (source,), rows in comparing.sort("source").group_by("source", maintain_order=True):
        first, last = rows["session"].min(), rows["session"].max()
        best = dict(rows.group_by("session").agg(pl.col("compared").max()).iter_rows())
        days = [day for day in calendar if first < day <= last]  # type: ignore[operator]
        counts = [best.get(day, 0) for day in days]
        usual = pl.Series(counts, dtype=pl.Float64).rolling_median(2 * NEAR + 1, min_samples=1, center=True).to_list()
        unseen[str(source)] = [
            day for day, count, most in zip(days, counts, usual, strict=True) if count < max(ENOUGH * most, 1)
        ]
    return unseen
