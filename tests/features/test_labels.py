"""Labels worked out by hand: close(t+1+h) / close(t+1) - 1, adjusted for every action in between."""

from __future__ import annotations

import math

import numpy as np
import pytest

from afterbell.features.grid import FIELDS, Floats, Ints
from afterbell.features.labels import DELISTED_AFTER, forward_returns, last_bars
from tests.features.worlds import World, drawn

NAN = float("nan")


def labels(world: World, last: int, horizon: int, symbol: int = 0, n_symbols: int = 1) -> list[float]:
    close, factor = arrays(world, last, n_symbols)
    found: list[float] = forward_returns(close, factor, ends(close), (horizon,))[horizon][:, symbol].tolist()
    return found


def arrays(world: World, last: int, n_symbols: int) -> tuple[Floats, Floats]:
    """Closes and factors as known at the cut-off of ``last``."""
    panel = world.panel(0, last, n_symbols)
    return panel.bars.arrays[-1, FIELDS.index("close")], panel.actions.arrays[-1].prod(axis=0)


def ends(close: Floats) -> Ints:
    """Where symbols end that are not there for the last sessions."""
    last = [max(np.flatnonzero(np.isfinite(own)), default=-1) for own in close.T]
    return last_bars(np.array(last, dtype=np.int64), len(close))


def test_a_label_starts_at_the_next_bar_and_ends_h_sessions_later() -> None:
    world = World().series([1.0, 10.0, 11.0, 22.0])
    assert labels(world, 3, 1) == pytest.approx([0.1, 1.0, NAN, NAN], nan_ok=True)
    assert labels(world, 3, 2) == pytest.approx([1.2, NAN, NAN, NAN], nan_ok=True)


def test_the_future_that_is_not_there_yet_is_nan_for_every_horizon() -> None:
    world = World().series([1.0, 2.0])
    assert all(math.isnan(value) for horizon in (1, 5) for value in labels(world, 1, horizon))


@pytest.mark.parametrize(
    ("ex", "expected"),
    [(1, 52 / 100 - 1), (2, 0.04), (3, 0.04), (4, 52 / 100 - 1)],
    ids=["on the session of entry", "the session after it", "on the last session", "after the last session"],
)
def test_a_split_counts_if_it_falls_between_entry_and_end(ex: int, expected: float) -> None:
    world = World().series([100.0, 100.0, 51.0, 52.0, 53.0])
    world.action(0, ex, 0.5, split=True)
    assert labels(world, 4, 2)[0] == pytest.approx(expected)


def test_a_dividend_is_part_of_the_return() -> None:
    world = World().series([100.0, 100.0, 98.0])
    world.action(0, 2, 0.98)
    assert labels(world, 2, 1)[0] == pytest.approx(0.0)


def test_without_a_bar_on_the_next_session_there_is_no_label() -> None:
    world = World().series([10.0, None, 11.0, 12.0])
    assert math.isnan(labels(world, 3, 1)[0])
    assert math.isnan(labels(world, 3, 2)[0])


def test_a_gap_at_the_end_of_the_horizon_is_not_filled() -> None:
    world = World().series([10.0, 10.0, None, 12.0, 13.0])
    assert labels(world, 4, 1) == pytest.approx([NAN, NAN, 13 / 12 - 1, NAN, NAN], nan_ok=True)


def test_a_delisted_symbol_keeps_its_last_price() -> None:
    world = World().series([10.0, 10.0, 8.0])
    last = 2 + DELISTED_AFTER
    assert labels(world, last, 5)[:2] == pytest.approx([-0.2, 0.0])
    assert math.isnan(labels(world, last, 5)[2])


def test_a_symbol_that_is_away_for_a_few_sessions_is_not_taken_for_delisted() -> None:
    world = World().series([10.0, 10.0, 8.0])
    assert math.isnan(labels(world, 2 + DELISTED_AFTER - 1, 4)[0])


def test_a_restated_price_counts_once_it_is_known() -> None:
    world = World().series([10.0, 10.0, 11.0, 12.0, 12.0])
    world.bar(0, 2, 15.0, known=4)
    assert labels(world, 3, 1)[0] == pytest.approx(0.1)
    assert labels(world, 4, 1)[0] == pytest.approx(0.5)


def test_a_stretch_of_sessions_has_the_labels_of_the_whole() -> None:
    close, factor = arrays(drawn(3, 12, 80), 79, 12)
    whole = forward_returns(close, factor, ends(close), (1, 5))
    for first in range(0, 80, 9):
        until = min(first + 9 + 6, 80)
        part = forward_returns(close[first:until], factor[first:until], ends(close) - first, (1, 5))
        for horizon in (1, 5):
            wanted = whole[horizon][first : first + 9]
            assert part[horizon][: len(wanted)].tobytes() == wanted.tobytes()


def test_labels_are_those_of_a_holder_who_counts_shares_and_dividends() -> None:
    """Shares grow by 1 / factor on each ex-session, and stay where a delisted symbol stood last."""
    world = drawn(7, 12, 80)
    close, factor = arrays(world, 79, 12)
    found = forward_returns(close, factor, ends(close), (1, 5))
    for symbol in range(12):
        own = close[:, symbol]
        last = max(np.flatnonzero(np.isfinite(own)))
        for horizon in (1, 5):
            for session in range(80):
                bought, sold = session + 1, session + 1 + horizon
                expected = NAN
                if sold < 80 and math.isfinite(own[bought]):
                    end = last if last < sold and last + DELISTED_AFTER < 80 else sold
                    shares = 1 / math.prod(factor[bought + 1 : end + 1, symbol])
                    expected = own[end] * shares / own[bought] - 1
                assert found[horizon][session, symbol] == pytest.approx(expected, nan_ok=True, rel=1e-12, abs=1e-12)
