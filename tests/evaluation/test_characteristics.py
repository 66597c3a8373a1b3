"""Size and liquidity by cell, by hand and by pandas."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest

from afterbell.evaluation.characteristics import characteristics_of, dollar_volumes
from afterbell.evaluation.panel import ScorePanel
from tests.evaluation.conftest import days


def panel(horizon: int = 5) -> ScorePanel:
    return ScorePanel(horizon, days(2), np.zeros(2, int), np.zeros((2, 2)), {}, ("A", "B"))


def test_values_land_in_their_cells_and_the_dollar_volume_stands_in_for_what_is_missing() -> None:
    rows = pl.DataFrame({"symbol": ["B", "X", "A"], "session": [days(2)[1], days(2)[0], days(2)[0]],
                         "DVOL20": [np.log(1e6 + 1), 1.0, np.log(5e6 + 1)]})  # fmt: skip
    named, dollars = characteristics_of(panel(), None, rows)
    assert list(named) == ["size (dollar volume)"]
    assert dollars == pytest.approx(np.array([[5e6, np.nan], [np.nan, 1e6]]), nan_ok=True)
    both = rows.with_columns(SIZE=pl.Series([3.0, 2.0, 1.0]))
    assert list(characteristics_of(panel(), None, both)[0]) == ["size (market value)", "liquidity (dollar volume)"]
    named, _ = characteristics_of(panel(), panel(1), both.with_columns(ILLIQ20=pl.Series([3.0, 2.0, 1.0])))
    assert list(named) == ["market beta", "size (market value)", "liquidity (Amihud)"]
    assert named["liquidity (Amihud)"] == pytest.approx(np.array([[-1.0, np.nan], [np.nan, -3.0]]), nan_ok=True)


def test_dollar_volumes_of_bars_are_pandas_rolling_means_of_their_newest_revisions() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"symbol": ["B"] * 30 + ["A"] * 12, "session": [*days(30), *days(12)], "revision": 1})
    frame = frame.assign(close=rng.uniform(5, 50, 42), volume=rng.integers(1e3, 1e6, 42))
    older = frame.assign(close=1.0, revision=0)
    bars = pl.from_pandas(pd.concat([frame, older])).with_columns(pl.col("session").cast(pl.Date))
    found = dollar_volumes(bars, days(30)[5])
    dollars = (frame.close * frame.volume).groupby(frame.symbol).rolling(20, min_periods=10).mean()
    for symbol, count in (("A", 12), ("B", 30)):
        own = found.filter(pl.col("symbol") == symbol)["DVOL20"].to_numpy().astype(float)
        assert own == pytest.approx(np.log1p(dollars[symbol].to_numpy())[5:count], nan_ok=True)
