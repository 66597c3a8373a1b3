"""What one drop says about the session before, by hand."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from afterbell.ingest.actions import evidence

S0, S1, S2, S3 = (date(2016, 6, day) for day in (6, 7, 8, 9))
COLUMNS = ["symbol", "session", "open", "high", "low", "close", "volume", "adj_close"]


def two(
    symbol: str, before: tuple[float, float], after: tuple[float, float], volumes: tuple[int, int]
) -> list[tuple[object, ...]]:
    """Rows of both sessions: close and adjusted close of each, one price a session."""
    (c0, a0), (c1, a1) = before, after
    return [(symbol, S1, c1, c1, c1, c1, volumes[1], a1), (symbol, S0, c0, c0, c0, c0, volumes[0], a0)]


def frame(*rows: tuple[object, ...]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=COLUMNS, orient="row")


DROP = frame(
    *two("QUIET", (10.0, 10.0), (10.5, 10.5), (100, 110)),
    *two("PAYS", (10.0, 9.5), (10.5, 10.5), (100, 110)),
    *two("EARLY", (10.0, 50.0), (10.5, 10.5), (100, 110)),  # adjusted by 5, and the price stays
    *two("SPLIT", (100.0, 50.0), (51.0, 51.0), (100, 110)),
    *two("MISSED", (100.0, 100.0), (50.5, 50.5), (10_000, 21_000)),
    *two("CRASH", (100.0, 100.0), (15.0, 15.0), (10_000, 900_000)),
    *two("STALE", (7.0, 7.0), (7.0, 7.0), (300, 300)),
    *two("NOTRADE", (7.0, 7.0), (7.0, 7.0), (0, 0)),
    ("FIRST", S1, 3.0, 3.0, 3.0, 3.0, 50, 3.0),
)


@pytest.fixture(autouse=True, params=[0, 1000], ids=["beside", "apart"])
def few(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bars of a symbol are paired where they stand beside each other, and by a look-up: both give the same."""
    monkeypatch.setattr(evidence, "_FEW", request.param)


def test_only_what_is_worth_remembering_is_shown() -> None:
    shown = evidence.show(DROP)
    assert shown.schema == evidence.EVIDENCE
    assert shown["symbol"].to_list() == ["CRASH", "EARLY", "FIRST", "MISSED", "PAYS", "SPLIT", "STALE"]
    assert dict(shown.select("symbol", "factor").iter_rows())["EARLY"] == 5.0
    assert evidence.show(DROP, everything=True).height == 9


@pytest.mark.parametrize("order", [["symbol", "session"], ["session", "symbol"], ["close", "volume"]])
def test_the_order_of_a_drops_rows_changes_nothing(order: list[str]) -> None:
    shown = evidence.show(DROP.sort(order))
    assert shown["symbol"].to_list() == ["CRASH", "EARLY", "FIRST", "MISSED", "PAYS", "SPLIT", "STALE"]
    assert shown["close_before"].to_list() == [100.0, 10.0, None, 100.0, 10.0, 100.0, 7.0]
    assert set(shown["session"]) == {S1}
    assert set(shown["previous_session"]) == {S0}


def test_several_drops_are_shown_each_for_itself() -> None:
    quiet, falls = two("SPLIT", (51.0, 51.0), (51.5, 51.5), (10, 11)), two("CRASH", (15.0, 15.0), (9.0, 9.0), (9, 9))
    again = frame(*quiet, *falls)
    next_day = again.with_columns(pl.col("session").replace({S0: S1, S1: S2}))
    alone = DROP.filter(pl.col("session") == S1)  # one session: nothing to compare
    numbered = [rows.with_columns(drop=pl.lit(nth, pl.UInt32)) for nth, rows in enumerate((DROP, next_day, alone))]
    shown = evidence.show(pl.concat(numbered))
    seen = shown.filter(pl.col("drop") > 0).select("drop", "symbol", "session", "previous_session", "close_before")
    assert seen.rows() == [(1, "CRASH", S2, S1, 15.0)]
    assert shown["drop"].to_list() == [0] * 7 + [1]
    loud = evidence.show(pl.concat(numbered), everything=pl.col("drop") == 1)
    assert loud.filter(pl.col("drop") == 1)["symbol"].to_list() == ["CRASH", "SPLIT"]


def test_each_row_gets_the_close_before_and_an_adjustment_that_the_price_bears_out() -> None:
    found = evidence.with_context(DROP)
    assert found.select(COLUMNS).equals(DROP)  # in their order, untouched
    newer = {row["symbol"]: row for row in found.filter(pl.col("session") == S1).iter_rows(named=True)}
    assert {name: row["adjustment"] for name, row in newer.items()} == {
        "QUIET": 1.0, "PAYS": 0.95, "EARLY": 1.0, "SPLIT": 0.5, "MISSED": 0.5, "CRASH": 1.0, "STALE": 1.0,
        "NOTRADE": 1.0, "FIRST": 1.0,
    }  # fmt: skip
    assert newer["PAYS"]["previous_close"] == 10.0
    assert newer["FIRST"]["previous_close"] is None
    assert [name for name, row in newer.items() if row["unchanged"]] == ["STALE"]
    older = found.filter(pl.col("session") == S0)
    assert older["previous_close"].null_count() == older.height
    assert set(older["adjustment"]) == {1.0}


def test_a_vendor_without_adjusted_closes_shows_moves_and_no_factors() -> None:
    shown = evidence.show(DROP.drop("adj_close"))
    assert set(shown["factor"]) == {1.0}
    assert "SPLIT" in shown["symbol"].to_list()


def test_stale_runs_count_repeats_in_a_row() -> None:
    links = [("A", S1, S0), ("A", S2, S1), ("A", S3, S2), ("B", S1, S0), ("B", S3, S2)]
    blank = {name: pl.lit(None, kind) for name, kind in evidence.EVIDENCE.items()}
    rows = pl.DataFrame(links, schema=["symbol", "session", "previous_session"], orient="row")
    rows = rows.with_columns(**{name: value for name, value in blank.items() if name not in rows.columns})
    rows = rows.with_columns(unchanged=True).select(list(evidence.EVIDENCE))
    assert evidence.stale_runs(rows.reverse(), 2).rows() == [("A", S2, 2), ("A", S3, 3)]
    taken_back = rows.filter(pl.col("session") == S2).with_columns(unchanged=False)
    assert evidence.stale_runs(pl.concat([rows, taken_back]), 2).is_empty()
