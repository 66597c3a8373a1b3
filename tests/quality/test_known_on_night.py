"""What was known of bars when a session's own drops had come, whatever later drops said."""

from __future__ import annotations

from datetime import UTC, date, datetime

import polars as pl
import pytest

from afterbell.quality.whole_sessions import _with_repeats, known_on_night, revisions

DAY, NEXT = date(2016, 6, 29), date(2016, 6, 30)
NIGHT, LATER = (datetime(2016, 6, day, 20, 30, tzinfo=UTC) for day in (29, 30))
BARS = revisions(
    pl.DataFrame(
        [
            ("TOLD", DAY, 10.0, NIGHT, 0, "vendor:20160629:a"),
            ("TOLD", DAY, 11.0, LATER, 1, "vendor:20160630:b"),
            ("LATE", DAY, 20.0, LATER, 0, "vendor:20160630:b"),
        ],
        schema=["symbol", "session", "close", "knowledge_time", "revision", "drop_id"],
        orient="row",
    ).with_columns(open="close", high="close", low="close", volume=pl.lit(100))
)


def known(*drops: tuple[str, datetime]) -> list[tuple[str, float]]:
    ledger = pl.DataFrame(list(drops), schema={"drop_id": pl.String, "knowledge_time": pl.Datetime("us", "UTC")},
                          orient="row")  # fmt: skip
    return known_on_night(BARS, DAY, ledger).select("symbol", "close").rows()


def test_a_later_drop_neither_adds_a_symbol_nor_changes_a_close() -> None:
    assert known(("vendor:20160629:a", NIGHT)) == [("TOLD", 10.0)]


def test_a_drop_that_came_later_itself_sees_what_was_known_then() -> None:
    assert known(("vendor:20160629:c", LATER)) == [("LATE", 20.0), ("TOLD", 11.0)]


def test_without_a_drop_of_its_own_all_that_is_known_counts() -> None:
    assert known() == [("LATE", 20.0), ("TOLD", 11.0)]


@pytest.mark.parametrize("whole", [True, False])
def test_a_bar_repeats_if_all_of_it_does_and_shares_were_traded(whole: bool) -> None:
    before = date(2016, 6, 28)
    closes = [("SAME", 5.0, 5.0, 100), ("MOVED", 5.0, 5.1, 100), ("IDLE", 5.0, 5.0, 0), ("NEW", None, 5.0, 100)]
    told = [(s, day, close, volume) for s, one, two, volume in closes for day, close in ((before, one), (DAY, two))]
    rows = pl.DataFrame([row for row in told if row[2] is not None], schema=["symbol", "session", "close", "volume"],
                        orient="row")  # fmt: skip
    rows = rows.with_columns(open="close", high="close", low="close").sort("symbol", "session")
    found = _with_repeats(rows, [before, DAY], whole=whole)
    assert found.filter("repeats").select("symbol", "session").rows() == [("SAME", DAY)]
    assert found.height == 7
