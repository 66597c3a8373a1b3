"""Which rows may be traded: price, and the trailing median by pandas, whatever the sessions are cut into."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

from afterbell.training.spec import UniverseFilter
from afterbell.training.universe import Universe

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
