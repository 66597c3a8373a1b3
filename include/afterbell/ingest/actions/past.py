"""The bar before, where a bar's own drop doesn't tell it: from the lake and from what the run has just written."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from afterbell.calendar.sessions import Exchange
from afterbell.ingest.actions.evidence import fill_before, newcomers, restated, told_late
from afterbell.ingest.base import Base
from afterbell.lake.files import NewFile
from afterbell.lake.scan import LakeFile, read_files
from afterbell.lake.tables import BARS


def late_newcomers(made: pl.DataFrame, exchange: Exchange) -> pl.DataFrame:
    """Evidence of the bars among new revisions that their own session's drop lacks, as when a jump was held back.

    Args:
        made: new rows of ``market.bars``.
        exchange: whose sessions count.

    Returns:
        As ``afterbell.ingest.actions.evidence.told_late`` gives it.
    """
    return told_late(made, {day: exchange.previous(day) for day in made["session"].unique().sort().to_list()})


def with_past(base: Base, files: Sequence[NewFile], shown: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """The evidence of a run, completed by what the bars say that no single drop does.

    Args:
        base: the lake that the run builds on.
        files: data files of bars that the run has written.
        shown: ``EVIDENCE`` with knowledge_time and drop_id, from the run's drops.
        known: the lake's evidence of the sessions around them; has the columns of ``shown``.

    Returns:
        The columns of ``shown``: newcomers have the bar of the session before, those without a past or a large move
        are left out, and bars told anew that had looked like a split are added.
    """
    wanted = newcomers(shown)
    of_newcomers = pl.col("session").is_in(wanted["session"].unique().implode())
    written = read_files(
        [LakeFile(file.path, None, file.body) for file in files],
        base.shape(BARS),
        base.s3,
        of_newcomers | (pl.col("revision") > 0),
    )
    if wanted.height:
        lake = base.rows(BARS, "session", wanted["session"].min(), wanted["session"].max())
        bars = pl.concat([lake, written], how="vertical").join(wanted, on=["symbol", "session"], how="semi")
        shown = fill_before(shown, bars)
    again = restated(pl.concat([known.select(shown.columns), shown]), written)
    return pl.concat([shown, again])
