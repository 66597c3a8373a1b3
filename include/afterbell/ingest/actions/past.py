"""The bar before, where a bar's own drop lacks it: from the lake and from what the run has just written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

import polars as pl

from afterbell.calendar.sessions import Exchange
from afterbell.ingest.actions.evidence import fill_before, late_bars, missing_bars, restate, restated_bars
from afterbell.ingest.base import Base
from afterbell.lake.files import NewFile
from afterbell.lake.scan import LakeFile, read_files
from afterbell.lake.tables import BARS

_ABOUT_A_BAR = ("symbol", "session", "close", "volume", "knowledge_time", "revision")


def previous_sessions(days: Iterable[date], exchange: Exchange) -> dict[date, date]:
    """The session before each of ``days`` that is one."""
    return {day: exchange.previous(day) for day in sorted(set(days)) if exchange.is_session(day)}


def find_changed_bars(made: pl.DataFrame, known: pl.DataFrame, exchange: Exchange) -> pl.DataFrame:
    """Bars among new revisions that their own session's drop lacks or has otherwise, as when a jump was held back.

    Args:
        made: new rows of ``market.bars``.
        known: what the lake has of their sessions; it may be more.
        exchange: whose sessions count.

    Returns:
        As ``afterbell.ingest.actions.evidence.late_bars`` and ``restated_bars`` give them.
    """
    previous = previous_sessions(made["session"].unique().to_list(), exchange)
    names = ["symbol", "session", "revision", "close"]
    before = pl.concat([made.select(names), known.select(names)])
    return pl.concat([late_bars(made, previous), restated_bars(made, before, previous)])


def with_past(
    base: Base, files: Sequence[NewFile], shown: pl.DataFrame, changed: pl.DataFrame | None, known: pl.DataFrame
) -> pl.DataFrame:
    """The evidence of a run, completed by what the bars show and no single drop does.

    Args:
        base: the lake that the run builds on.
        files: data files of bars that the run has written.
        shown: ``EVIDENCE`` with knowledge_time and drop_id, from the run's drops.
        changed: as ``find_changed_bars`` gives it; None for none.
        known: the lake's evidence of the sessions around them.

    Returns:
        The columns of ``shown``: late or restated bars are judged by what was claimed before, newcomers have the bar of
        the session before, and weighty factors the volume that was first given for it.
    """
    needed = _needed_bars(shown, changed)
    if needed.is_empty():
        return shown
    days = needed["session"]
    narrow = base.shape(BARS).only(_ABOUT_A_BAR)
    bar_files = [LakeFile(file.path, None, file.body) for file in files]
    bar_files += base.files(BARS, "session", days.min(), days.max())
    bars = read_files(bar_files, narrow, base.s3, pl.col("session").is_in(days.unique().implode()))
    return complete(shown, changed, known, bars.join(needed, on=["symbol", "session"], how="semi"))


def complete(
    shown: pl.DataFrame, changed: pl.DataFrame | None, known: pl.DataFrame, bars: pl.DataFrame
) -> pl.DataFrame:
    """The evidence of a run with the bars before, judged again where bars have changed.

    Args:
        shown: ``EVIDENCE`` with knowledge_time and drop_id, from the run's drops.
        changed: as ``find_changed_bars`` gives it; None for none.
        known: the lake's evidence of the sessions around them.
        bars: rows of ``market.bars`` that either may need, as ``fill_before`` takes them.

    Returns:
        The columns of ``shown``.
    """
    filled = fill_before(shown, bars)
    if changed is None:
        return filled
    lake = known.with_columns(pl.lit(None, kind).alias(name) for name, kind in _lacking(shown, known))
    restated = restate(pl.concat([lake.select(shown.columns), filled]), changed.select(shown.columns))
    new = restated.join(shown, on=["symbol", "session", "drop_id"], how="anti")
    return pl.concat([filled, fill_before(new, bars)])


def _needed_bars(shown: pl.DataFrame, changed: pl.DataFrame | None) -> pl.DataFrame:
    """Which bars may be needed: symbol and session."""
    frames = [missing_bars(shown)]
    if changed is not None:
        frames += [changed.select("symbol", "session"), changed.select("symbol", session="previous_session")]
    return pl.concat(frames).unique(maintain_order=True)


def _lacking(shown: pl.DataFrame, known: pl.DataFrame) -> list[tuple[str, pl.DataType]]:
    return [(name, kind) for name, kind in shown.schema.items() if name not in known.columns]
