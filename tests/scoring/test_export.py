"""A session's signals as files: what the release's figures say of them, by hand; equal bytes from equal rows."""

from __future__ import annotations

from datetime import UTC, date, datetime
from io import BytesIO

import pandas as pd
import polars as pl
import pytest

from afterbell.lake.tables import SIGNALS
from afterbell.scoring.export import COLUMNS, describe_signals, to_csv, to_parquet

CUT_OFF = datetime(2016, 7, 1, 22, tzinfo=UTC)
SCHEMA = {
    "symbol": pl.String, "session": pl.Date, "as_of": pl.Date, "horizon": pl.Int32, "family": pl.String,
    "score": pl.Float64, "rank": pl.Float64, "release_id": pl.String, "provisional": pl.Boolean,
    "in_universe": pl.Boolean, "universe_rank": pl.Float64,
}  # fmt: skip
METRICS = {
    "h1": {
        "decile_spread": 0.009, "rank_ic": 0.02, "rank_ic_se": 0.01,
        "families": {"ridge": {"decile_spread": -0.0018, "rank_ic": None, "rank_ic_se": 0.0}},
    },
}  # fmt: skip


def rows(horizon: int = 1, family: str = "blend") -> pl.DataFrame:
    """Three symbols, two of them in the universe."""
    found = [
        (
            symbol,
            date(2016, 7, 5),
            date(2016, 7, 1),
            horizon,
            family,
            score,
            rank,
            "r",
            True,
            rank_in is not None,
            rank_in,
        )
        for symbol, score, rank, rank_in in (
            ("S2", 0.25, 1.0, 1.0),
            ("S1", 0.125, 2 / 3, None),
            ("S0", 0.0, 1 / 3, 0.5),
        )
    ]
    return pl.DataFrame(found, SCHEMA, orient="row")


def test_the_expected_return_lies_on_the_line_of_the_deciles_and_the_confidence_is_of_the_mean_rank_ic() -> None:
    found = describe_signals(rows(), METRICS, CUT_OFF)
    assert found.columns == list(COLUMNS)
    assert found["symbol"].to_list() == ["S0", "S1", "S2"]
    # 0.9 of the ranks is 0.9 %; the mean rank of two is 0.75, so a quarter to both sides is 0.25 %.
    assert found["expected_return"].to_list() == [pytest.approx(-0.0025), None, pytest.approx(0.0025)]
    # Two errors above 0: 97.725 % of the normal distribution lie below.
    assert found["confidence"].to_list() == [pytest.approx(0.97725, abs=1e-6)] * 3


@pytest.mark.parametrize(
    ("horizon", "family", "best"),
    [(1, "ridge", -0.0005), (1, "lightgbm", None), (5, "blend", None)],
    ids=["a family's own", "an unknown family", "an unknown horizon"],
)
def test_what_the_release_does_not_tell_of_a_scorer_is_null(horizon: int, family: str, best: float | None) -> None:
    found = describe_signals(rows(horizon, family), METRICS, CUT_OFF)
    assert found["expected_return"][2] == pytest.approx(best) if best else found["expected_return"][2] is None
    assert found["confidence"].to_list() == [None] * 3


def test_rows_of_before_the_universe_was_marked_have_none_of_it() -> None:
    old = rows().with_columns(in_universe=pl.lit(None, pl.Boolean), universe_rank=pl.lit(None, pl.Float64))
    found = describe_signals(old, METRICS, CUT_OFF)
    assert found.select("in_universe", "universe_rank", "expected_return").null_count().row(0) == (3, 3, 3)


def test_the_csv_is_plain_text() -> None:
    assert to_csv(describe_signals(rows(), {}, CUT_OFF)) == (
        b"session,as_of,known_until,symbol,horizon,family,score,rank,in_universe,universe_rank,expected_return,"
        b"confidence,release_id,provisional\n"
        b"2016-07-05,2016-07-01,2016-07-01T22:00:00Z,S0,1,blend,0.0,0.3333333333333333,true,0.5,,,r,true\n"
        b"2016-07-05,2016-07-01,2016-07-01T22:00:00Z,S1,1,blend,0.125,0.6666666666666666,false,,,,r,true\n"
        b"2016-07-05,2016-07-01,2016-07-01T22:00:00Z,S2,1,blend,0.25,1.0,true,1.0,,,r,true\n"
    )


def test_both_files_are_the_same_bytes_whatever_the_order_of_the_rows_and_say_the_same() -> None:
    every = pl.concat([rows(horizon, family) for horizon in (1, 5) for family in ("blend", "ridge")])
    one = describe_signals(every, METRICS, CUT_OFF)
    two = describe_signals(every.sample(fraction=1, shuffle=True, seed=1), METRICS, CUT_OFF)
    assert (to_parquet(one), to_csv(one)) == (to_parquet(two), to_csv(two))
    parquet, csv = pd.read_parquet(BytesIO(to_parquet(one))), pd.read_csv(BytesIO(to_csv(one)))
    same = ["symbol", "horizon", "family", "score", "rank", "universe_rank", "expected_return", "confidence"]
    pd.testing.assert_frame_equal(parquet[same], csv[same], check_dtype=False)
    assert parquet["known_until"][0] == pd.Timestamp(CUT_OFF)


def test_the_rows_of_these_tests_have_the_tables_columns() -> None:
    assert list(SCHEMA) == [column.split()[0] for column in SIGNALS.columns.split(",")]
