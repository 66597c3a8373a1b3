"""What a person looks at in a run's bars, by hand: unexplained moves, restated closes and the bars beside them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import pytest

from afterbell.quality.exhibits import Exhibits, restated_closes

DAYS = [date(2016, 6, day) for day in (6, 7, 8, 9, 10, 13, 14, 15)]
NOBODY = pl.DataFrame(schema={"symbol": pl.String, "session": pl.Date})
NOTHING = pl.DataFrame(
    schema={
        "symbol": pl.String, "ex_session": pl.Date, "factor": pl.Float64, "kind": pl.String, "basis": pl.String,
        "knowledge_time": pl.Datetime("us", "UTC"),
    }
)  # fmt: skip


def bar(symbol: str, place: int, close: float, volume: int = 1000, revision: int = 0) -> dict[str, Any]:
    return {
        "symbol": symbol, "session": DAYS[place], "open": close, "high": close, "low": close, "close": close,
        "volume": volume, "knowledge_time": datetime(2016, 6, 20, 20 + revision, tzinfo=UTC), "revision": revision,
        "drop_id": f"vendor:{place + revision}",
    }  # fmt: skip


def rows(symbol: str, *closes: float, volume: int = 1000) -> list[dict[str, Any]]:
    return [bar(symbol, place, close, volume) for place, close in enumerate(closes)]


def looked_at(bars: list[dict[str, Any]], *stretches: tuple[int, int], actions: pl.DataFrame = NOTHING) -> Exhibits:
    """Stretches of sessions as the audit looks at them: the bars of earlier sessions are there again."""
    frame = pl.DataFrame(bars)
    found = Exhibits(actions, frame["drop_id"].to_list(), NOBODY)
    for first, last in stretches:
        calendar = DAYS[: last + 1]
        found.add(frame.filter(pl.col("session").is_in(calendar)), calendar, calendar[max(0, first - 3) :], NOBODY)
    return found


SMALL = rows("SMALL", 10, 10, 10, 10, 50, 50, 50, 50)
GREAT = rows("GREAT", 10, 10, 10, 10, 14.1, 14.1, 14.1, 14.1, volume=90_000)


def test_unexplained_moves_are_sorted_by_dollars_and_not_by_size() -> None:
    found = looked_at(SMALL + GREAT, (1, 7)).moves()
    assert found.select("symbol", "session", "dollars").rows() == [
        ("GREAT", DAYS[4], 14.1 * 90_000),
        ("SMALL", DAYS[4], 50_000.0),
    ]


def test_a_move_of_forty_per_cent_is_none_of_them() -> None:
    assert looked_at(rows("S", 10, 10, 10, 10, 14, 14, 14, 14), (1, 7)).moves().is_empty()
    assert looked_at(rows("S", 10, 10, 10, 10, 6, 6, 6, 6), (1, 7)).moves().is_empty()
    assert looked_at(rows("S", 10, 10, 10, 10, 5.9, 5.9, 5.9, 5.9), (1, 7)).moves().height == 1


def test_what_an_action_explains_is_none_of_them() -> None:
    split = pl.DataFrame(
        [("SMALL", DAYS[4], 5.0, "split", "vendor", datetime(2016, 6, 21, tzinfo=UTC))], schema=NOTHING.schema,
        orient="row",
    )  # fmt: skip
    assert looked_at(SMALL, (1, 7), actions=split).moves().is_empty()


@pytest.mark.parametrize("stretches", [((1, 7),), ((1, 4), (5, 7)), ((1, 5), (6, 7)), ((1, 3), (4, 4), (5, 7))])
def test_a_move_is_the_same_however_the_sessions_are_divided(stretches: tuple[tuple[int, int], ...]) -> None:
    gone_back = rows("BACK", 10, 10, 10, 10, 50, 10, 10, 10)
    found = looked_at(SMALL + gone_back, *stretches)
    whole = looked_at(SMALL + gone_back, (1, 7))
    assert found.moves().equals(whole.moves())
    assert found.bars().equals(whole.bars())
    assert found.counts() == {"moves": 3, "restated": 0}
    reasons = dict(found.moves().filter(pl.col("symbol") == "BACK").select("session", "reason").rows())
    assert reasons[DAYS[4]].startswith("undone by the session after it")


def test_three_sessions_on_either_side_are_shown() -> None:
    assert looked_at(SMALL, (1, 7)).bars()["session"].to_list() == DAYS[1:8]


def test_a_close_told_otherwise_by_more_than_five_per_cent_is_restated() -> None:
    bars = pl.DataFrame([*rows("S", 10, 10, 10), bar("S", 1, 10.6, revision=1), bar("S", 2, 10.4, revision=1)])
    found = restated_closes(bars, ["vendor:2", "vendor:3"])
    assert found.select("session", "first_close", "close", "first_drop", "drop_id").rows() == [
        (DAYS[1], 10.0, 10.6, "vendor:1", "vendor:2")
    ]


def test_a_close_that_an_earlier_run_restated_is_no_news() -> None:
    bars = pl.DataFrame([*rows("S", 10, 10), bar("S", 1, 12.0, revision=1)])
    assert restated_closes(bars, ["vendor:9"]).is_empty()
