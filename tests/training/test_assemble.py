"""From tables to a matrix: what is in it, in which order, and what is refused."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from afterbell.errors import PermanentError, StaleInputError
from afterbell.training.assemble import assemble
from afterbell.training.matrix import Matrix, check_features
from tests.training.conftest import make_spec

GRID = [date(2020, 1, 6) + timedelta(days=day) for day in range(4)]


def tables():
    keys = [(symbol, day) for symbol in ("B", "A") for day in GRID]
    symbols, days = zip(*keys, strict=True)
    features = pl.DataFrame(
        {"symbol": symbols, "session": days, "x": np.arange(8.0), "y": np.arange(8.0) ** 2},
        schema_overrides={"x": pl.Float32, "y": pl.Float32},
    )
    labels = pl.DataFrame({"symbol": symbols, "session": days, "label_h1": np.arange(8.0) / 100}).filter(
        pl.col("session") < GRID[3]
    )
    bars = pl.DataFrame({"symbol": symbols, "session": days, "close": [10.0] * 8, "volume": [1000] * 8})
    return features, labels, bars


def test_rows_are_ordered_by_session_then_symbol():
    found = assemble(*tables(), GRID, make_spec())
    # The median needs two bars, so the first session is out.
    assert found.sessions.tolist() == [1, 1, 2, 2, 3, 3]
    assert [found.tickers[code] for code in found.symbols] == ["A", "B"] * 3
    assert found.features[:, 0].tolist() == [5.0, 1.0, 6.0, 2.0, 7.0, 3.0]
    assert found.labels[:, 0] == pytest.approx([0.05, 0.01, 0.06, 0.02, np.nan, np.nan], nan_ok=True)
    assert found.features.dtype == np.float32
    assert found.features.flags.c_contiguous


def test_the_order_of_the_tables_rows_does_not_matter():
    features, labels, bars = tables()
    shuffled = [frame.sample(fraction=1, shuffle=True, seed=5) for frame in (features, labels, bars)]
    one, two = assemble(features, labels, bars, GRID, make_spec()), assemble(*shuffled, GRID, make_spec())
    for name in ("features", "labels", "targets", "sessions", "symbols"):
        assert getattr(one, name).tobytes() == getattr(two, name).tobytes()


def test_a_matrix_read_back_from_its_files_is_the_same(tmp_path):
    one = assemble(*tables(), GRID, make_spec())
    one.save(tmp_path)
    two = Matrix.load(tmp_path)
    assert (two.names, two.horizons, two.grid, two.tickers) == (one.names, one.horizons, one.grid, one.tickers)
    assert np.array_equal(two.features, one.features)
    assert isinstance(two.features, np.memmap)


def test_cheap_and_illiquid_rows_are_left_out():
    features, labels, bars = tables()
    cheap = (pl.col("symbol") == "A") & (pl.col("session") == GRID[2])
    bars = bars.with_columns(close=pl.when(cheap).then(0.5).otherwise(pl.col("close")))
    bars = bars.with_columns(volume=pl.when(pl.col("symbol") == "B").then(1).otherwise(pl.col("volume")))
    found = assemble(features, labels, bars, GRID, make_spec())
    assert found.tickers == ("A",)
    assert found.sessions.tolist() == [1, 3]


def test_liquidity_of_a_session_does_not_look_ahead():
    features, labels, bars = tables()
    late = bars.with_columns(volume=pl.when(pl.col("session") == GRID[3]).then(0).otherwise(pl.col("volume")))
    before, after = (assemble(features, labels, found, GRID, make_spec()) for found in (bars, late))
    assert before.rows(0, 2) == after.rows(0, 2)
    assert np.array_equal(before.features[before.rows(0, 2)], after.features[after.rows(0, 2)])


def test_infinite_factors_become_missing_and_rows_of_missing_factors_are_left_out():
    features, labels, bars = tables()
    features = features.with_columns(
        x=pl.when(pl.col("session") == GRID[1]).then(float("inf")).otherwise(pl.col("x")),
        y=pl.when((pl.col("session") == GRID[1]) & (pl.col("symbol") == "A")).then(None).otherwise(pl.col("y")),
    )
    found = assemble(features, labels, bars, GRID, make_spec())
    assert found.sessions.tolist() == [1, 2, 2, 3, 3]
    assert np.isnan(found.features[0, 0])
    assert found.features[0, 1] == 1.0


def test_a_pair_that_stands_twice_is_refused():
    features, labels, bars = tables()
    with pytest.raises(StaleInputError, match="more than once"):
        assemble(pl.concat([features, features.head(3)]), labels, bars, GRID, make_spec())


def test_a_feature_row_after_the_runs_session_is_refused():
    with pytest.raises(PermanentError, match="outside the run's sessions"):
        assemble(*tables(), GRID[:3], make_spec())


def test_an_empty_universe_is_refused():
    features, labels, bars = tables()
    with pytest.raises(PermanentError, match="no row is left"):
        assemble(features, labels, bars.with_columns(close=pl.lit(0.5)), GRID, make_spec())


def test_a_constant_feature_is_refused_unless_declared_optional():
    features, labels, bars = tables()
    found = assemble(features.with_columns(y=pl.lit(1.0)), labels, bars, GRID, make_spec())
    check_features(found, ("y",))
    with pytest.raises(PermanentError, match="features y are all NaN or constant"):
        check_features(found, ())
