"""The rows of ``market.corporate_actions`` that name listings, and the log of instruments: what a run adds."""

from __future__ import annotations

import polars as pl

from afterbell.ingest.actions.decide import ACTIONS
from afterbell.ingest.actions.listings import LISTINGS, Releases, wrong_listings
from afterbell.ingest.actions.renames import rename_rows
from afterbell.ingest.actions.successors import taken_symbols
from afterbell.ingest.base import Base
from afterbell.ingest.instruments import CHANGES, instrument_changes
from afterbell.lake.listings import LISTING_KINDS, REUSED, is_factor
from afterbell.lake.tables import CORPORATE_ACTIONS, INSTRUMENTS


def name_listings(
    base: Base,
    evidence: pl.DataFrame,
    shown: pl.DataFrame | None,
    actions: pl.DataFrame,
    renames: pl.DataFrame,
    releases: Releases,
) -> pl.DataFrame:
    """Bars of other securities that begin or end to be held, symbols that another security takes, and renames.

    Args:
        base: the lake that the run builds on.
        evidence: the lake's, of the sessions that the run's drops touch and of those around them.
        shown: ``EVIDENCE`` with knowledge_time and drop_id that the run adds; None for none.
        actions: the rows about factors that the run adds.
        renames: ``RENAMES`` that the run's drops show.
        releases: when a person released a hold, by symbol and session.

    Returns:
        Rows of ``market.corporate_actions`` that the lake does not have yet.
    """
    # Few rows name listings: files without one are mostly not opened.
    holds, taken, named = (base.rows(CORPORATE_ACTIONS, "kind", kind, kind) for kind in LISTING_KINDS)
    renamed = rename_rows(renames).join(named, on=["symbol", "ex_session", "drop_id"], how="anti")
    new = evidence.clear() if shown is None else shown  # an action or a person's word may explain what was shown before
    days = pl.concat([actions["ex_session"], new["session"]])
    factors = actions
    if days.len():
        written = base.rows(CORPORATE_ACTIONS, "ex_session", days.min(), days.max()).filter(is_factor())
        factors = pl.concat([written, actions], how="diagonal")
    listings = wrong_listings(new, factors, holds.select(list(LISTINGS)), releases, evidence, renames)
    reused = taken_symbols(new, pl.concat([factors, holds, taken, listings], how="diagonal"), renames)
    return pl.concat([listings, reused.select(list(ACTIONS)), renamed], how="diagonal")


def log_instruments(base: Base, renames: pl.DataFrame, listings: pl.DataFrame) -> pl.DataFrame | None:
    """The rows of ``market.instruments`` that follow from renames and from symbols that others take; None for none."""
    taken = listings.filter(pl.col("kind") == REUSED)
    if renames.is_empty() and taken.is_empty():
        return None
    return instrument_changes(base.rows(INSTRUMENTS).select(list(CHANGES)), renames, taken)
