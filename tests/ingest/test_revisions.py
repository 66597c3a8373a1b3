"""Which rows become revisions, worked out by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime

import polars as pl

from afterbell.ingest.revisions import number_revisions, something_new

SESSION = date(2016, 6, 29)
EVENING = datetime(2016, 6, 29, 20, 30, tzinfo=UTC)
NEXT = datetime(2016, 6, 30, 20, 30, tzinfo=UTC)
LATER = datetime(2016, 7, 1, 20, 30, tzinfo=UTC)


def bar(
    volume: int,
    at: datetime,
    adj: float = 10.0,
    revision: int | None = None,
    *,
    late: bool = False,
    symbol: str = "S",
    drop: str | None = None,
) -> dict[str, object]:
    """A bar of one session; one that has a revision is known already."""
    return {
        "symbol": symbol, "session": SESSION, "open": 10.0, "high": 10.5, "low": 9.5, "close": 10.0, "volume": volume,
        "adj_close": adj, "knowledge_time": at, "drop_id": drop or at.isoformat(), "revision": revision,
        "known": revision is not None, "late": late,
    }  # fmt: skip


def revise(*bars: dict[str, object]) -> list[tuple[str, int, float, int]]:
    frame = pl.DataFrame(list(bars), schema_overrides={"revision": pl.Int32})
    made = number_revisions(frame)
    return made.select("symbol", "volume", "adj_close", "revision").rows()


def test_the_first_row_is_revision_nought_and_an_equal_repeat_makes_none() -> None:
    assert revise(bar(100, EVENING), bar(100, NEXT)) == [("S", 100, 10.0, 0)]


def test_a_restated_volume_is_a_further_revision() -> None:
    assert revise(bar(100, EVENING), bar(120, NEXT)) == [("S", 100, 10.0, 0), ("S", 120, 10.0, 1)]


def test_an_adjusted_close_that_changed_is_a_revision_too() -> None:
    assert revise(bar(100, EVENING), bar(100, NEXT, adj=5.0))[1] == ("S", 100, 5.0, 1)


def test_going_back_to_an_older_value_is_news() -> None:
    assert [row[1] for row in revise(bar(100, EVENING), bar(120, NEXT), bar(100, LATER))] == [100, 120, 100]


def test_delivery_order_does_not_matter_only_knowledge_time_does() -> None:
    assert revise(bar(120, NEXT), bar(100, EVENING)) == [("S", 100, 10.0, 0), ("S", 120, 10.0, 1)]


def test_numbers_go_on_from_what_the_lake_has() -> None:
    assert revise(bar(100, EVENING, revision=0), bar(120, NEXT)) == [("S", 120, 10.0, 1)]
    assert revise(bar(100, EVENING, revision=0), bar(100, NEXT)) == []


def test_day_by_day_gives_what_all_at_once_gives() -> None:
    at_once = revise(bar(100, EVENING), bar(100, NEXT), bar(130, LATER))
    first = revise(bar(100, EVENING))
    second = revise(bar(100, EVENING, revision=0), bar(100, NEXT))
    third = revise(bar(100, EVENING, revision=0), bar(130, LATER))
    assert at_once == first + second + third


def test_a_late_row_counts_only_where_nothing_is_known() -> None:
    late = bar(90, LATER, late=True), bar(70, LATER, late=True, symbol="T")
    assert revise(bar(100, NEXT, revision=0), *late) == [("T", 70, 10.0, 0)]


def test_symbols_do_not_disturb_each_other() -> None:
    made = revise(bar(100, EVENING), bar(100, EVENING, symbol="T"), bar(101, NEXT, symbol="T"))
    assert made == [("S", 100, 10.0, 0), ("T", 100, 10.0, 0), ("T", 101, 10.0, 1)]


def test_rows_come_by_key_then_by_when_they_became_known_whatever_the_keys_are() -> None:
    instants = [datetime(1970, 1, 1, tzinfo=UTC), datetime(2016, 6, 29, 13, 30, tzinfo=UTC), None]
    rows = [
        {"symbol": symbol, "at": at, "volume": volume, "knowledge_time": known, "drop_id": drop}
        for at in instants
        for symbol in ("b", "A", "AA", None)
        for volume, known, drop in ((2, EVENING, "y"), (1, EVENING, "x"), (3, NEXT, "a"))
    ]  # fmt: skip
    frame = pl.DataFrame(rows).with_columns(known=False, late=False)
    made = something_new(frame, ("symbol", "at"), ("volume",))
    keys = [(symbol, at) for symbol in (None, "A", "AA", "b") for at in (None, instants[0], instants[1])]
    assert made.select("symbol", "at", "volume").rows() == [(*key, volume) for key in keys for volume in (1, 2, 3)]
