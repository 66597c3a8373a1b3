"""The bar before, where a bar's own drop doesn't tell it: from the lake and from what the run has just written."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from afterbell.calendar.sessions import Exchange
from afterbell.ingest.base import Base
from afterbell.ingest.evidence import fill_before, newcomers, told_late
from afterbell.lake.files import NewFile
from afterbell.lake.scan import LakeFile, read_files
from afterbell.lake.tables import BARS


def late_newcomers(made: pl.DataFrame, exchange: Exchange) -> pl.DataFrame:
    """Evidence of the bars among new revisions that their own session's drop lacks, as when a jump was held back.

    Args:
        made: new rows of ``market.bars``.
        exchange: whose sessions count.

    Returns:
        As ``afterbell.ingest.evidence.told_late`` gives it.
    """
    return told_late(made, {day: exchange.previous(day) for day in made["session"].unique().sort().to_list()})


def with_past(base: Base, files: Sequence[NewFile], shown: pl.DataFrame) -> pl.DataFrame:
    """Evidence whose newcomers have the bar of the session before, where there is one.

    Args:
        base: the lake that the run builds on.
        files: data files of bars that the run has written.
        shown: ``EVIDENCE`` with knowledge_time and drop_id.

    Returns:
        The same columns, without newcomers that have no past or did not move far.
    """
    wanted = newcomers(shown)
    if wanted.is_empty():
        return shown
    first, last = wanted["session"].min(), wanted["session"].max()
    inside = pl.col("session").is_in(wanted["session"].unique().implode())
    written = [LakeFile(file.path, None, file.body) for file in files]
    rows = [base.rows(BARS, "session", first, last), read_files(written, base.shape(BARS), base.s3, inside)]
    bars = pl.concat(rows, how="vertical").join(wanted, on=["symbol", "session"], how="semi")
    return fill_before(shown, bars)
