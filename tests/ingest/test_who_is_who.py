"""Who is who in the real drops: renames and symbols that others took, in bulk, in two runs and day by day."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from afterbell.ingest.actions.decide import ACTIONS
from afterbell.ingest.actions.evidence import EVIDENCE
from afterbell.ingest.actions.listings import LISTINGS, wrong_listings
from afterbell.ingest.actions.renames import find_renames, rename_rows
from afterbell.ingest.actions.successors import taken_symbols
from afterbell.ingest.instruments import CHANGES, instrument_changes
from afterbell.lake.listings import REUSED, WRONG_LISTING
from tests.ingest.actions.test_events import Lake, deliver

pytestmark = pytest.mark.market

SYMBOLS = (
    "AAPL", "ACT", "AGN", "APIC", "ENR", "EPC", "GCI", "TGNA", "GPP", "IAC", "IACI", "MSFT", "MSG", "MSGN", "NEE",
    "ON", "ONNN", "PNK", "PYPL", "PYPLV", "RUN", "VGGL", "DDAY", "FNCX", "VNO", "Z", "ZBH", "ZG", "ZMH",
)  # fmt: skip
TAKEN = {
    ("APIC", date(2015, 4, 24)), ("ENR", date(2015, 7, 1)), ("GCI", date(2015, 6, 29)), ("GPP", date(2015, 6, 26)),
    ("MSG", date(2015, 9, 30)), ("RUN", date(2015, 8, 5)), ("Z", date(2015, 8, 14)),
}  # fmt: skip
"""By general knowledge: spin-offs that kept the name (ENR, GCI, MSG), a new share class (Z), and new companies."""


NOTHING = pl.DataFrame(schema={**EVIDENCE, "knowledge_time": pl.Datetime("us", "UTC"), "drop_id": pl.String})


class Named(Lake):
    """A lake that knows who is who as well."""

    def __init__(self) -> None:
        super().__init__()
        self.named = pl.DataFrame(schema={**ACTIONS, "close_before": pl.Float64, "close": pl.Float64})
        self.instruments = CHANGES.to_frame()

    def run(self, rows: pl.DataFrame) -> None:
        before, shown_before, actions_before = self.bars, self.shown, self.actions
        super().run(rows)
        made = (
            self.bars if before.is_empty() else self.bars.join(before, on=before.columns, how="anti", nulls_equal=True)
        )
        delivered = {str(key[0]): part for key, part in rows.drop("drop").partition_by("drop_id", as_dict=True).items()}
        renames = find_renames(made, self.bars.head(0) if before.is_empty() else before, delivered)
        new = self.shown[shown_before.height :] if self.shown.width else NOTHING
        actions = self.actions if self.actions.height else ACTIONS.to_frame()
        assert actions.height >= actions_before.height
        if new.is_empty() and renames.is_empty():
            return
        known = shown_before if shown_before.width else NOTHING
        of = {kind: self.named.filter(pl.col("kind") == kind) for kind in (WRONG_LISTING, REUSED)}
        holds = wrong_listings(new, actions, of[WRONG_LISTING].select(list(LISTINGS)), {}, known, renames)
        taken = taken_symbols(new, pl.concat([actions, *of.values(), holds], how="diagonal"), renames)
        self.instruments = pl.concat([self.instruments, instrument_changes(self.instruments, renames, taken)])
        self.named = pl.concat([self.named, holds, taken, rename_rows(renames)], how="diagonal")


@pytest.fixture(scope="module")
def delivered(market_drops: Path) -> pl.DataFrame:
    return deliver(market_drops, list(SYMBOLS))


@pytest.fixture(scope="module")
def bulk(delivered: pl.DataFrame) -> Named:
    lake = Named()
    lake.run(delivered)
    return lake


def _began(lake: Named, kind: str) -> set[tuple[str, date]]:
    return set(lake.named.filter(pl.col("kind") == kind).select("symbol", "ex_session").rows())


def test_symbols_that_another_security_took_are_found_and_no_others(bulk: Named) -> None:
    assert _began(bulk, REUSED) == TAKEN


def test_a_share_class_that_takes_the_symbol_of_another_is_not_held(bulk: Named) -> None:
    assert not {symbol for symbol, _ in _began(bulk, WRONG_LISTING)} & {"Z", "MSG", "GCI", "ENR"}
    assert ("NEE", date(2016, 6, 9)) in _began(bulk, WRONG_LISTING)


def test_an_instrument_is_followed_from_symbol_to_symbol(bulk: Named) -> None:
    rows = bulk.instruments.filter(pl.col("first_session").is_not_null())
    found = dict(
        rows.select(
            pl.concat_str("symbol", pl.col("first_session").cast(pl.String), separator=" "), "instrument"
        ).rows()
    )
    assert found["FNCX 2016-06-13"] == found["DDAY 2016-01-28"] == "VGGL"
    assert (found["TGNA 2015-06-29"], found["GCI 2015-06-29"]) == ("GCI", "GCI@20150629")
    assert (found["ZG 2015-08-17"], found["Z 2015-08-14"]) == ("Z", "Z@20150814")


@pytest.mark.parametrize("cut", [date(2015, 6, 26), date(2015, 6, 29), date(2015, 8, 14), date(2016, 2, 1)])
def test_two_runs_leave_the_rows_of_one(delivered: pl.DataFrame, bulk: Named, cut: date) -> None:
    lake = Named()
    lake.run(delivered.filter(pl.col("by") <= cut))
    lake.run(delivered.filter(pl.col("by") > cut))
    _same(lake, bulk)


def test_sixty_sessions_day_by_day_leave_the_rows_of_one_run(delivered: pl.DataFrame) -> None:
    few = delivered.filter(pl.col("by").is_between(date(2015, 6, 8), date(2015, 9, 1)))
    bulk, daily = Named(), Named()
    bulk.run(few)
    for (_,), rows in few.group_by("by", maintain_order=True):
        daily.run(rows)
    assert few["by"].n_unique() >= 58
    _same(daily, bulk)


def _same(one: Named, other: Named) -> None:
    order = ["knowledge_time", "symbol", "ex_session", "kind", "basis"]
    assert one.named.sort(order).equals(other.named.sort(order))
    order = ["knowledge_time", "instrument", "symbol", "first_session"]
    assert one.instruments.sort(order).equals(other.instruments.sort(order))
