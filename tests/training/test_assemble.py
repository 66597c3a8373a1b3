"""From tables to a matrix: what is in it, in which order, and what is refused."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from afterbell.errors import ConfigError, PermanentError, StaleInputError
from afterbell.training.assemble import MatrixInputs, build
from afterbell.training.matrix import Matrix, check_features
from tests.training.conftest import make_spec
from tests.training.memory import Memory, at_noon, bars_of, grid_of, inputs_of, weekdays

GRID = [date(2020, 1, 29) + timedelta(days=day) for day in range(4)]  # into the next month
SYMBOLS = ("B", "A")


def tables(days=GRID):
    """x counts the rows, y is its square; the close of a symbol rises by a hundredth from session to session."""
    keys = [(symbol, day) for symbol in SYMBOLS for day in days]
    symbols, sessions = zip(*keys, strict=True)
    count = np.arange(float(len(keys)))
    features = pl.DataFrame(
        {"symbol": symbols, "session": sessions, "x": count, "y": count**2},
        schema_overrides={"x": pl.Float32, "y": pl.Float32},
    )
    close = 10.0 * 1.01 ** np.tile(np.arange(len(days)), len(SYMBOLS))
    bars = pl.DataFrame({"symbol": symbols, "session": sessions, "close": close, "volume": [1000] * len(keys)})
    return features, bars


@pytest.fixture
def made(tmp_path_factory):
    """Builds a matrix and maps it."""

    def make(inputs: MatrixInputs, **spec: object) -> Matrix:
        folder = tmp_path_factory.mktemp("matrix")
        rows = build(inputs, make_spec(**spec), folder, {"bars_snapshot": 7})
        found = Matrix.load(folder)
        assert found.sessions.size == rows
        return found

    return make


def test_rows_are_ordered_by_session_then_symbol(made):
    found = made(inputs_of(*tables(), GRID))
    # The median needs two bars, so the first session is out.
    assert found.sessions.tolist() == [1, 1, 2, 2, 3, 3]
    assert [found.tickers[code] for code in found.symbols] == ["A", "B"] * 3
    assert found.features[0].tolist() == [5.0, 1.0, 6.0, 2.0, 7.0, 3.0]
    # Bought on the next session and sold on the one after: the last two sessions have no label yet.
    assert found.labels[0] == pytest.approx([0.01, 0.01, np.nan, np.nan, np.nan, np.nan], nan_ok=True)


def test_a_column_is_one_run_of_bytes_in_a_mapped_file(made):
    found = made(inputs_of(*tables(), GRID))
    assert found.features.shape == (2, 6)
    assert found.features.dtype == np.float32
    assert found.features.flags.c_contiguous
    assert isinstance(found.features, np.memmap)


def test_the_index_says_what_the_matrix_is_of(made):
    found = made(inputs_of(*tables(), GRID))
    assert (found.names, found.horizons, found.grid) == (("x", "y"), (1,), tuple(GRID))
    assert found.sets == {"one": ("x", "y")}
    assert found.made_from == {"bars_snapshot": 7}


def test_the_order_of_the_tables_rows_does_not_matter(made):
    features, bars = tables()
    shuffled = [frame.sample(fraction=1, shuffle=True, seed=5) for frame in (features, bars)]
    one, two = made(inputs_of(features, bars, GRID)), made(inputs_of(*shuffled, GRID))
    for name in ("features", "labels", "targets", "sessions", "symbols"):
        assert getattr(one, name).tobytes() == getattr(two, name).tobytes()


def test_cheap_and_illiquid_rows_are_left_out(made):
    features, bars = tables()
    cheap = (pl.col("symbol") == "A") & (pl.col("session") == GRID[2])
    bars = bars.with_columns(close=pl.when(cheap).then(0.5).otherwise(pl.col("close")))
    bars = bars.with_columns(volume=pl.when(pl.col("symbol") == "B").then(1).otherwise(pl.col("volume")))
    found = made(inputs_of(features, bars, GRID))
    assert [found.tickers[symbol] for symbol in found.symbols] == ["A", "A"]
    assert found.sessions.tolist() == [1, 3]


def _universe(**changes):
    return make_spec().universe.model_dump() | changes


def test_liquidity_looks_back_over_the_turn_of_a_month(made):
    days = weekdays(date(2020, 1, 28), 8)
    features, bars = tables(days)
    new = days.index(date(2020, 2, 3))
    poor = bars.with_columns(volume=pl.when(pl.col("session") < days[new]).then(0).otherwise(1000))
    found = made(inputs_of(features, poor, days), universe=_universe(window=3, min_window=1))
    # Of the last three bars two are of the old month on the first session of the new one, and one on its second.
    assert sorted(set(found.sessions.tolist())) == list(range(new + 1, len(days)))


def test_liquidity_of_a_session_does_not_look_ahead(made):
    features, bars = tables()
    late = bars.with_columns(volume=pl.when(pl.col("session") == GRID[3]).then(0).otherwise(pl.col("volume")))
    before, after = (made(inputs_of(features, found, GRID)) for found in (bars, late))
    assert before.rows(0, 2) == after.rows(0, 2)
    assert np.array_equal(before.features[:, before.rows(0, 2)], after.features[:, after.rows(0, 2)])


def test_infinite_factors_become_missing_and_rows_of_missing_factors_are_left_out(made):
    features, bars = tables()
    features = features.with_columns(
        x=pl.when(pl.col("session") == GRID[1]).then(float("inf")).otherwise(pl.col("x")),
        y=pl.when((pl.col("session") == GRID[1]) & (pl.col("symbol") == "A")).then(None).otherwise(pl.col("y")),
    )
    found = made(inputs_of(features, bars, GRID))
    assert found.sessions.tolist() == [1, 2, 2, 3, 3]
    assert np.isnan(found.features[0, 0])
    assert found.features[1, 0] == 1.0


def test_rows_of_several_sets_are_joined_on_symbol_and_session(made):
    features, bars = tables()
    other = features.select("symbol", "session", z=pl.col("x") + 100).filter(pl.col("symbol") == "A")
    found = made(inputs_of({"one": features, "two": other.reverse()}, bars, GRID))
    assert found.names == ("x", "y", "z")
    assert found.sets == {"one": ("x", "y"), "two": ("z",)}
    assert found.features[0].tolist() == [5.0, 6.0, 7.0]
    assert found.features[2].tolist() == [105.0, 106.0, 107.0]


def test_a_column_that_two_sets_have_is_refused_by_its_name(made):
    features, bars = tables()
    other = features.select("symbol", "session", "y", z=pl.col("x"))
    with pytest.raises(ConfigError, match="y are in one and in two"):
        made(inputs_of({"one": features, "two": other}, bars, GRID))


def test_a_delisted_symbols_last_price_reaches_the_matrix(made):
    days = weekdays(date(2020, 1, 20), 30)
    features, bars = tables(days)
    # B's last bar is that of session 12, at half its price: who bought on 10 sold at that price on 15.
    bars = bars.filter((pl.col("symbol") == "A") | (pl.col("session") <= days[12])).with_columns(
        close=pl.when((pl.col("symbol") == "B") & (pl.col("session") == days[12])).then(5.0).otherwise(pl.col("close"))
    )
    gone = (pl.col("symbol") == "B") & (pl.col("session") > days[12])
    found = made(inputs_of(features.filter(~gone), bars, days), horizons=[1, 5])
    own = np.flatnonzero(found.symbols == found.tickers.index("B"))
    labels = dict(zip(found.sessions[own].tolist(), found.labels[1, own].tolist(), strict=True))
    assert labels[9] == pytest.approx(5.0 / (10.0 * 1.01**10) - 1)
    assert labels[11] == pytest.approx(0.0)
    assert np.isnan(labels[12])  # nothing could be bought on 13
    # Until session 5 both symbols earn the same, which is no target.
    assert found.sessions[own][np.isfinite(found.targets[1, own])].tolist() == [6, 7, 8, 9, 10, 11]


def test_an_action_counts_once_it_is_known(made):
    features, bars = tables()
    noon = datetime(2020, 1, 31, 12, tzinfo=UTC)
    split = ("A", GRID[3], 0.5, "split", noon)
    late = ("B", GRID[3], 0.5, "split", noon + timedelta(days=30))
    withdrawn = [("B", GRID[3], 0.5, "split", noon), ("B", GRID[3], 1.0, "dividend", noon + timedelta(hours=1))]
    # The row of session 1 is bought on 2 and sold on 3, where two shares stand for one.
    for told in ([split, late], [split, *withdrawn]):
        found = made(inputs_of(features, bars, GRID, told))
        assert found.labels[0, :2] == pytest.approx([1.01 / 0.5 - 1, 0.01])


def test_a_restated_close_counts_in_labels_and_not_in_the_universe_before_it_was_known(made):
    features, bars = tables()
    bars = bars_of(bars)
    restated = bars.filter(pl.col("session") == GRID[2]).with_columns(
        close=pl.lit(20.0), volume=pl.lit(0), revision=pl.lit(1, pl.Int32),
        knowledge_time=at_noon(bars.filter(pl.col("session") == GRID[2])["session"]) + timedelta(days=1),
    )  # fmt: skip
    found = made(inputs_of(features, pl.concat([bars, restated.cast(bars.schema)]), GRID))
    assert found.sessions.tolist() == [1, 1, 2, 2, 3, 3]
    assert found.labels[0, :2] == pytest.approx([10.0 * 1.01**3 / 20.0 - 1] * 2)


def test_a_symbol_without_bars_is_left_out(made):
    features, bars = tables()
    found = made(inputs_of(features, bars.filter(pl.col("symbol") == "A"), GRID))
    assert found.tickers == ("A",)
    assert found.sessions.tolist() == [1, 2, 3]


def test_a_pair_that_stands_twice_is_refused(made):
    features, bars = tables()
    with pytest.raises(StaleInputError, match="more than once"):
        made(inputs_of(pl.concat([features, features.head(3)]), bars, GRID))


def test_a_feature_row_that_is_on_no_session_is_refused(made):
    features, bars = tables()
    inputs = inputs_of(features, bars, GRID)
    holiday = MatrixInputs(inputs.sets, Memory(bars_of(bars.filter(pl.col("session") != GRID[1]))), inputs.actions,
                     grid_of([GRID[0], *GRID[2:]]))  # fmt: skip
    with pytest.raises(PermanentError, match="2 feature rows lie outside the run's sessions, the first on 2020-01-30"):
        made(holiday)


def test_an_empty_universe_is_refused(made):
    features, bars = tables()
    with pytest.raises(PermanentError, match="no row is left"):
        made(inputs_of(features, bars.with_columns(close=pl.lit(0.5)), GRID))


def test_without_bars_or_labels_nothing_is_made(made):
    features, bars = tables()
    with pytest.raises(PermanentError, match="no bar of the run's sessions"):
        made(inputs_of(features, bars.clear(), GRID))
    with pytest.raises(PermanentError, match="none of 4 rows has a label"):
        made(inputs_of(features, bars.filter(pl.col("session") < GRID[2]), GRID), universe=_universe(min_window=1))


def test_a_constant_feature_is_refused_unless_declared_optional(made):
    features, bars = tables()
    found = made(inputs_of(features.with_columns(y=pl.lit(1.0, pl.Float32)), bars, GRID))
    check_features(found, ("y",))
    with pytest.raises(PermanentError, match="features y are all NaN or constant"):
        check_features(found, ())
