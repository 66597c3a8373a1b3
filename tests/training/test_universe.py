"""Which rows may be traded: price, and the trailing median by pandas, whatever the sessions are cut into."""

from datetime import UTC, date, datetime, time, timedelta

import numpy as np
import pandas as pd
import polars as pl
import pytest

from afterbell.errors import PermanentError, ValidationFailedError
from afterbell.training.assemble import MatrixInputs, build
from afterbell.training.matrix import Matrix
from afterbell.training.rows import SetRows
from afterbell.training.spec import UniverseFilter
from afterbell.training.universe import LOOK_BACK, Universe, judge_session
from tests.training.conftest import make_spec
from tests.training.memory import Memory, bars_of, grid_of, weekdays

RULE = UniverseFilter(min_price=5.0, min_median_dollar_volume=9000.0, window=7, min_window=3, min_feature_share=0.0)


def bars() -> pl.DataFrame:
    """Symbols with gaps, in no order."""
    rng = np.random.default_rng(2)
    rows = [(symbol, session) for session in range(60) for symbol in range(8) if rng.random() < 0.8]
    close, volume = rng.uniform(3, 20, len(rows)), rng.integers(0, 2000, len(rows))
    symbol, session = zip(*rows, strict=True)
    frame = pl.DataFrame({"symbol": symbol, "session": session, "close": close, "volume": volume})
    return frame.sample(fraction=1, shuffle=True, seed=3)


def expected(frame: pl.DataFrame) -> set[tuple[int, int]]:
    own = frame.to_pandas().sort_values(["symbol", "session"])
    dollars = (own["close"] * own["volume"]).groupby(own["symbol"])
    median = dollars.transform(lambda each: each.rolling(RULE.window, min_periods=RULE.min_window).median())
    found: pd.DataFrame = own[(own["close"] >= 5.0) & (median >= 9000.0)]
    return set(zip(found["symbol"], found["session"], strict=True))


@pytest.mark.parametrize("stretch", [1, 3, 20, 60])
def test_rows_are_those_of_a_rolling_median_over_all_bars(stretch: int) -> None:
    rows, universe = bars(), Universe(RULE)
    found: set[tuple[int, int]] = set()
    for first in range(0, 60, stretch):
        part = rows.filter(pl.col("session").is_between(first, first + stretch - 1))
        found |= set(universe.tradable(part).select("symbol", "session").rows())
    assert found == expected(rows)
    assert 50 < len(found) < rows.height - 50


def test_a_median_of_one_bar_is_that_bar() -> None:
    rule = RULE.model_copy(update={"window": 1, "min_window": 1})
    rows = pl.DataFrame({"symbol": [0, 0], "session": [0, 1], "close": [10.0, 10.0], "volume": [100, 1000]})
    assert Universe(rule).tradable(rows).rows() == [(0, 1, 10_000.0)]


@pytest.mark.parametrize("stretch", [1, 7, 60])
def test_a_renamed_security_is_judged_by_its_bars_under_the_old_symbol_too(stretch: int) -> None:
    rows, since = bars(), 30
    one = rows.filter(pl.col("symbol") == 0)
    whole = {session for symbol, session in expected(rows) if symbol == 0}
    moved = one.with_columns(symbol=pl.when(pl.col("session") < since).then(0).otherwise(1).cast(pl.Int64))
    universe, found = Universe(RULE, [(since, 0, 1)]), set()
    for first in range(0, 60, stretch):
        part = moved.filter(pl.col("session").is_between(first, first + stretch - 1))
        found |= set(universe.tradable(part).select("symbol", "session").rows())
    assert found == {(int(session >= since), session) for session in whole}


@pytest.mark.parametrize("stretch", [1, 7, 60])
def test_a_security_that_takes_a_symbol_is_judged_by_its_own_bars(stretch: int) -> None:
    rows, since = bars(), 30
    apart = expected(rows.filter(pl.col("session") < since)) | expected(rows.filter(pl.col("session") >= since))
    assert apart != expected(rows)
    universe, found = Universe(RULE, taken=[(since, symbol) for symbol in range(8)]), set()
    for first in range(0, 60, stretch):
        part = rows.filter(pl.col("session").is_between(first, first + stretch - 1))
        found |= set(universe.tradable(part).select("symbol", "session").rows())
    assert found == apart


DAYS = weekdays(date(2020, 1, 6), 60)
"""More sessions than the look-back of the rule has."""
NAMES = [f"S{number}" for number in range(8)]


def at(day: date, hour: int = 12) -> datetime:
    return datetime.combine(day, time(hour), UTC)


def market() -> tuple[pl.DataFrame, pl.DataFrame]:
    """Bars with gaps and late revisions; S0 becomes S1, S2 is taken, the bars of S3 are held."""
    since = DAYS[55]
    rows = bars().with_columns(
        symbol=pl.col("symbol").map_elements(lambda code: NAMES[code], pl.String),
        session=pl.col("session").map_elements(lambda ordinal: DAYS[ordinal], pl.Date),
        volume=pl.col("volume").cast(pl.Float64) * 2,
    )
    old, new = (pl.col("symbol") == name for name in ("S0", "S1"))
    before = pl.col("session") < since
    rows = bars_of(rows.filter(~(old & ~before) & ~(new & before)))
    late = rows.filter(pl.col("session") > DAYS[50]).with_columns(
        close=pl.lit(100.0), revision=pl.lit(1, pl.Int32), knowledge_time=pl.col("knowledge_time") + timedelta(days=9)
    )
    held = {"S3": (DAYS[58], 10.0, 3.0)}
    actions = pl.DataFrame(
        [
            ("S1", since, 1.0, "symbol_renamed", "vendor", at(since), "S0", None, None),
            ("S2", DAYS[57], 1.0, "symbol_reused", "began", at(DAYS[57]), None, None, None),
            *(("S3", day, 1.0, "wrong_listing", "held", at(day, 1), None, *closes) for day, *closes in held.values()),
        ],
        schema=[
            "symbol",
            "ex_session",
            "factor",
            "kind",
            "basis",
            "knowledge_time",
            "rests_on",
            "close_before",
            "close",
        ],
        orient="row",
        schema_overrides={"rests_on": pl.String, "close_before": pl.Float64, "close": pl.Float64},
    )
    return pl.concat([rows, late.select(rows.columns)]), actions


def test_a_session_is_judged_alone_as_a_matrix_of_all_sessions_judges_it(tmp_path) -> None:
    rows, actions = market()
    found, everybody = [], pl.DataFrame({"symbol": NAMES}).join(pl.DataFrame({"session": DAYS}), how="cross")
    features = everybody.with_columns(x=pl.int_range(pl.len()).cast(pl.Float32), y=pl.lit(1.0, pl.Float32))
    spec = make_spec(universe=RULE.model_dump())
    inputs = MatrixInputs((SetRows("one", ("x", "y"), Memory(features)),), Memory(rows), actions, grid_of(DAYS))
    build(inputs, spec, tmp_path, {})
    matrix = Matrix.load(tmp_path)
    for last in range(44, 60):
        own = matrix.rows(last, last)
        expected = zip((matrix.tickers[code] for code in matrix.symbols[own]), matrix.dollars[own], strict=True)
        alone = judge_session(RULE, Memory(rows), actions, grid_of(DAYS[last + 1 - LOOK_BACK * RULE.window : last + 1]))
        inside = alone.filter("tradable").select("symbol", pl.col("dollars").cast(pl.Float32))
        assert dict(inside.iter_rows()) == dict(expected)
        found += inside["symbol"].to_list()
    assert {"S0", "S1"} < set(found)


def test_a_symbol_outside_has_its_median_too_and_too_few_bars_have_none() -> None:
    rows = pl.DataFrame({
        "symbol": ["A", "A", "A", "B", "C", "C", "C"],
        "session": [*DAYS[:3], DAYS[2], *DAYS[:3]],
        "close": [4.0, 4.0, 4.0, 50.0, 10.0, 10.0, 10.0],
        "volume": [3000.0, 1000.0, 2000.0, 1e6, 100.0, 2000.0, 1000.0],
    })  # fmt: skip
    found = judge_session(RULE, Memory(bars_of(rows)), market()[1].clear(), grid_of(DAYS[:3]))
    assert found.rows() == [("A", 8000.0, False), ("B", None, False), ("C", 10000.0, True)]


def test_a_session_without_bars_cannot_be_judged() -> None:
    rows, actions = market()
    early = Memory(rows.filter(pl.col("session") < DAYS[30]))
    with pytest.raises(ValidationFailedError, match=r"no bar of session 2020-02-17 that was known at its cut-off"):
        judge_session(RULE, early, actions, grid_of(DAYS[:31]))
    with pytest.raises(PermanentError, match="no bar of the run's sessions was known"):
        judge_session(RULE, early, actions, grid_of(DAYS[31:40]))
