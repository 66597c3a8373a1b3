"""Answers of every factor family: pandas on awkward series, and cases worked out by hand."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from afterbell.features.factors import CORE, Factor, FactorSet
from afterbell.features.lookback import SERIES, Lookback
from tests.features.worlds import World, drawn

SESSIONS = 100
SYMBOLS = 6


def rolling(series: pd.Series, window: int) -> pd.api.typing.Rolling:
    """Half of a window must have values."""
    return series.rolling(window, min_periods=math.ceil(window / 2))


def returns(f: pd.DataFrame) -> pd.Series:
    return f.close / f.close.shift(1) - 1


def rises(series: pd.Series, window: int) -> pd.Series:
    moves = series.diff()
    return rolling((moves > 0).astype(float).where(moves.notna()), window).mean()


def share_up(series: pd.Series, window: int) -> pd.Series:
    moves = series.diff()
    return rolling(moves.clip(lower=0), window).sum() / (rolling(moves.abs(), window).sum() + 1e-12)


def positive(series: pd.Series) -> pd.Series:
    return series.where(series > 0)


ANSWERS: dict[str, Callable[[pd.DataFrame, int], pd.Series]] = {
    "KMID": lambda f, _: (f.close - f.open) / f.open,
    "KLEN": lambda f, _: (f.high - f.low) / f.open,
    "KUP": lambda f, _: (f.high - f[["open", "close"]].max(axis=1)) / f.open,
    "KLOW": lambda f, _: (f[["open", "close"]].min(axis=1) - f.low) / f.open,
    "KSFT": lambda f, _: (2 * f.close - f.high - f.low) / f.open,
    "GAP": lambda f, _: f.open / f.close.shift(1) - 1,
    "ROC": lambda f, w: f.close.shift(w) / f.close,
    "MA": lambda f, w: rolling(f.close, w).mean() / f.close,
    "STD": lambda f, w: rolling(f.close, w).std() / f.close,
    "MAX": lambda f, w: rolling(f.high, w).max() / f.close,
    "MIN": lambda f, w: rolling(f.low, w).min() / f.close,
    "RSV": lambda f, w: (f.close - rolling(f.low, w).min()) / (rolling(f.high, w).max() - rolling(f.low, w).min()),
    "RANK": lambda f, w: rolling(f.close, w).rank(pct=True),
    "CORR": lambda f, w: rolling(f.close, w).corr(np.log(f.volume + 1)),
    "CNTP": lambda f, w: rises(f.close, w),
    "SUMP": lambda f, w: share_up(f.close, w),
    "VSUMP": lambda f, w: share_up(f.volume, w),
    "VMA": lambda f, w: rolling(f.volume, w).mean() / positive(f.volume),
    "VSTD": lambda f, w: rolling(f.volume, w).std() / positive(f.volume),
    "LVR": lambda f, w: np.log((f.volume + 1) / (rolling(f.volume, w).mean() + 1)),
    "LVZ": lambda f, w: (
        (np.log(f.volume + 1) - rolling(np.log(f.volume + 1), w).mean()) / rolling(np.log(f.volume + 1), w).std()
    ),
    "DVOL": lambda f, w: np.log(rolling(f.dollars, w).mean() + 1),
    "ILLIQ": lambda f, w: np.log(1 + 1e6 * rolling(returns(f).abs() / positive(f.dollars), w).mean()),
    "VOLR": lambda f, w: rolling(returns(f), w // 4).std() / rolling(returns(f), w).std(),
}


@pytest.fixture(scope="module")
def world() -> World:
    """Gaps, splits and dividends, each known at once and for good: what pandas can be asked about."""
    found = drawn(3, SYMBOLS, SESSIONS)
    bars = [(s, day, (day + 1) * 86_400_000_000 - 1, r, *values) for s, day, _, r, *values in found.bars if r == 0]
    return World(bars, [(s, day, day * 86_400_000_000, f, split) for s, day, _, f, split in found.actions])


def seen_from(world: World, symbol: int, session: int) -> pd.DataFrame:
    """Bars of sessions 0 to ``session`` in the last one's prices and shares; rows of NaN where there is none."""
    frame = pd.DataFrame(np.nan, index=range(session + 1), columns=["open", "high", "low", "close", "volume"])
    for row in world.bars:
        if row[0] == symbol and row[1] <= session:
            frame.loc[row[1]] = row[4:]
    frame["dollars"] = frame.close * frame.volume
    for of, ex, _, factor, split in world.actions:
        if of == symbol and ex <= session:
            frame.loc[: ex - 1, ["open", "high", "low", "close"]] *= factor
            frame.loc[: ex - 1, "volume"] /= factor if split else 1.0
    return frame


@pytest.fixture(scope="module")
def seen(world: World) -> dict[tuple[int, int], pd.DataFrame]:
    """What pandas is asked about, for each (symbol, session) with a bar."""
    keys = [(symbol, session) for session in (4, 15, 47, 61, 99) for symbol in range(SYMBOLS)]
    frames = {key: seen_from(world, *key) for key in keys}
    return {key: frame for key, frame in frames.items() if not math.isnan(frame.close.iloc[-1])}


@pytest.fixture(scope="module")
def computed(world: World, seen: dict[tuple[int, int], pd.DataFrame]) -> dict[tuple[int, int], dict[str, float]]:
    """What the kernels answer."""
    return {(symbol, session): world.values(CORE, session, symbol, SYMBOLS) for symbol, session in seen}


@pytest.mark.parametrize("factor", CORE.factors, ids=lambda factor: factor.name)
def test_a_factor_answers_as_pandas_does_on_awkward_series(
    seen: dict[tuple[int, int], pd.DataFrame], computed: dict[tuple[int, int], dict[str, float]], factor: Factor
) -> None:
    answer = ANSWERS[factor.name.rstrip("0123456789")]
    expected = {key: float(answer(frame, factor.window).iloc[-1]) for key, frame in seen.items()}
    found = {key: row[factor.name] for key, row in computed.items()}
    assert found == pytest.approx(expected, rel=2e-6, abs=2e-7, nan_ok=True)
    assert sum(not math.isnan(value) for value in expected.values()) >= 8


def test_constant_prices_have_no_spread_no_rank_above_the_middle_and_no_correlation() -> None:
    row = World().series([10.0] * 70, [float(100 + day % 3) for day in range(70)]).values(CORE, 69)
    assert row["STD20"] == 0.0
    assert row["MA60"] == row["ROC60"] == row["MAX20"] == row["MIN20"] == 1.0
    assert row["RANK20"] == pytest.approx(21 / 2 / 20)
    assert row["RSV20"] == row["CNTP20"] == row["SUMP20"] == row["ILLIQ20"] == 0.0
    assert math.isnan(row["CORR20"])
    assert math.isnan(row["VOLR20"])


def test_prices_that_are_constant_but_for_a_split_look_constant() -> None:
    world = World().series([30.0] * 30 + [10.0] * 30, [100.0] * 30 + [300.0] * 30)
    world.action(0, 30, 1 / 3, split=True)
    row = world.values(CORE, 45)
    assert row["STD60"] == pytest.approx(0.0, abs=1e-7)
    assert row["ROC20"] == row["MA20"] == pytest.approx(1.0)
    assert row["VMA20"] == pytest.approx(1.0)
    assert row["LVR20"] == pytest.approx(0.0, abs=1e-7)
    assert math.isnan(row["CORR20"])


@pytest.mark.parametrize(
    ("bars", "name", "defined"),
    [
        (2, "MA5", False),
        (3, "MA5", True),
        (9, "MA20", False),
        (10, "MA20", True),
        (20, "ROC20", False),
        (21, "ROC20", True),
    ],
)
def test_a_history_shorter_than_half_the_window_gives_no_value(bars: int, name: str, defined: bool) -> None:
    row = World().series([float(10 + day) for day in range(bars)]).values(CORE, bars - 1)
    assert math.isnan(row[name]) is not defined


def test_the_first_bar_of_a_symbol_has_a_row_with_its_own_sessions_factors_only() -> None:
    world = World()
    world.bar(0, 0, 11.0, ohl=(10.0, 12.0, 9.0))
    row = world.values(CORE, 0)
    assert {name for name, value in row.items() if not math.isnan(value)} == {"KMID", "KLEN", "KUP", "KLOW", "KSFT"}
    assert row["KMID"] == pytest.approx(0.1)
    assert row["KLEN"] == pytest.approx(0.3)
    assert row["KUP"] == pytest.approx(0.1)
    assert row["KLOW"] == pytest.approx(0.1)
    assert row["KSFT"] == pytest.approx(0.1)


def test_a_session_without_volume_has_no_volume_ratio_and_no_infinity() -> None:
    world = World().series([10.0, 11.0, 12.0, 13.0, 14.0, 15.0], [100.0] * 5 + [0.0])
    row = world.values(CORE, 5)
    assert math.isnan(row["VMA5"])
    assert row["LVR5"] == pytest.approx(math.log(1 / 81), rel=1e-6)
    assert not any(math.isinf(value) for value in row.values())


def test_volume_twice_its_mean_of_the_sessions_before_is_recovered_from_the_log_ratio() -> None:
    world = World().series([10.0] * 20, [1e6] * 19 + [2e6])
    mean = (19 * 1e6 + 2e6) / 20
    assert world.values(CORE, 19)["LVR20"] == pytest.approx(math.log(2e6 / mean), abs=1e-6)


def test_a_gap_in_the_bars_is_left_out_of_windows_and_never_filled() -> None:
    world = World().series([10.0, 20.0, None, None, 30.0])
    row = world.values(CORE, 4)
    assert row["MA5"] == pytest.approx((10 + 20 + 30) / 3 / 30)
    assert math.isnan(row["GAP"])


@pytest.mark.parametrize("factor", CORE.factors, ids=lambda factor: factor.name)
def test_a_factor_declares_the_series_it_reads(factor: Factor, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: set[str] = set()
    plain = Lookback.at

    def at(self: Lookback, series: str, age: int) -> np.ndarray:
        asked.add(series)
        return plain(self, series, age)

    monkeypatch.setattr(Lookback, "at", at)
    world = World().series([float(10 + day % 5) for day in range(70)])
    world.values(FactorSet("one", 1, (factor,)), 69)
    assert set(factor.inputs) <= asked
    assert asked <= _reads(factor.inputs)


def _reads(inputs: tuple[str, ...]) -> set[str]:
    below = {
        "log_volume": {"volume", "split_factor"},
        "return": {"close", "price_factor"},
        "impact": {"dollars", "return", "close", "price_factor"},
        "volume": {"split_factor"},
    }
    assert set(inputs) <= SERIES.keys()
    return set(inputs).union(*(below.get(name, {"price_factor"}) for name in inputs))
