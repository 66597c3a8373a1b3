"""Labels from tables that are read by months: the same as by looking at every row at once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from afterbell.features.grid import SessionGrid
from afterbell.training.bars import KnownBars, list_symbols, months_of
from afterbell.training.labels import Labels
from tests.features.worlds import World, cut_off, drawn, grid
from tests.training.memory import market, name

SYMBOLS, SESSIONS, HORIZONS = 12, 150, (1, 5, 20)


def by_months(world: World, sessions: SessionGrid) -> dict[tuple[int, str, int], float]:
    """The labels that are known, by horizon, symbol and session."""
    bars, actions = market(world)
    listing = list_symbols(bars, sessions)
    labels = Labels(KnownBars(bars, sessions, listing), actions, sessions, listing, HORIZONS)
    months, found = months_of(sessions.days), {}
    for month in np.unique(months):
        first, last = (int(end) for end in np.flatnonzero(months == month)[[0, -1]])
        for horizon, session, symbol in zip(*np.nonzero(np.isfinite(part := labels.of(first, last))), strict=True):
            key = (HORIZONS[horizon], listing.tickers[symbol], first + int(session))
            found[key] = float(part[horizon, session, symbol])
    return found


def at_once(world: World, last: int) -> dict[tuple[int, str, int], float]:
    """The same in plain Python, by the definition in words, from all rows known at the cut-off of ``last``."""
    close: dict[tuple[int, int], float] = {}
    for row in sorted(world.bars, key=lambda row: (row[2], row[3])):
        if row[2] <= cut_off(last) and row[1] <= last:
            close[row[0], row[1]] = row[7]
    beliefs: dict[tuple[int, int], list[tuple[int, float, bool]]] = {}
    for symbol, session, known, factor, split in world.actions:
        if known <= cut_off(last) and session <= last:
            beliefs.setdefault((symbol, session), []).append((known, factor, split))
    found = {}
    for symbol in range(SYMBOLS):
        own = [session for of, session in close if of == symbol]
        gone = max(own, default=last) + 5 <= last
        for horizon in HORIZONS:
            for session in own:
                sold = session + horizon
                end = max(own) if gone and sold > max(own) else sold
                if session > 0 and sold <= last and (symbol, end) in close:
                    factor = math.prod(_factor(beliefs.get((symbol, day), ())) for day in range(session + 1, end + 1))
                    earned = close[symbol, end] / (close[symbol, session] * factor) - 1
                    found[horizon, name(symbol), session - 1] = earned
    return found


def _factor(beliefs: Sequence[tuple[int, float, bool]]) -> float:
    newest = max((known for known, _, _ in beliefs), default=0)
    kinds = {split: factor for known, factor, split in beliefs if known == newest}
    return math.prod(kinds.values())


@pytest.mark.parametrize("seed", range(6))
def test_labels_by_months_are_those_of_all_rows_at_once(seed: int) -> None:
    world = drawn(seed, SYMBOLS, SESSIONS)
    found, expected = by_months(world, grid(0, SESSIONS - 1)), at_once(world, SESSIONS - 1)
    assert found.keys() == expected.keys()
    assert len(found) > 3000
    for key, value in expected.items():
        assert found[key] == pytest.approx(value, rel=1e-5, abs=1e-6)


def test_what_became_known_after_the_cut_off_of_the_last_session_does_not_count() -> None:
    world = World().series([10.0] * 30)
    world.bar(0, 20, 99.0, known=30)
    world.action(0, 20, 0.5, known=30)
    assert set(by_months(world, grid(0, 29)).values()) == {0.0}


def test_a_horizon_of_more_than_a_month_reaches_over_the_months_between() -> None:
    world = World().series([float(session + 1) for session in range(130)])
    bars, actions = market(world)
    sessions = grid(0, 129)
    listing = list_symbols(bars, sessions)
    labels = Labels(KnownBars(bars, sessions, listing), actions, sessions, listing, (90,))
    # Bought on 6 at 7, sold on 96 at 97.
    assert labels.of(5, 5)[0, 0, 0] == pytest.approx(97 / 7 - 1)


def two_series(*extra: tuple[object, ...], old_goes_on: bool = False) -> dict[int, float]:
    """Labels of horizon 1 of the first series, which ends on session 19, and goes on from 20 as the second one."""
    world = World()
    for session in range(40):
        if session < 20 or old_goes_on:
            world.bar(0, session, 10.0 + session if session < 20 else 99.0, known=session)
        if session >= 20:
            world.bar(1, session, 10.0 + session, known=session)
    bars, actions = market(world)
    shape = actions.schema | {"basis": pl.String, "rests_on": pl.String}
    told = pl.DataFrame(list(extra), schema=shape, orient="row")
    sessions = grid(0, 39)
    listing = list_symbols(bars, sessions)
    labels = Labels(KnownBars(bars, sessions, listing), told, sessions, listing, (1,)).of(0, 39)[0]
    return {session: float(labels[session, 0]) for session in range(40)}


def day(session: int) -> date:
    return date(1970, 1, 1) + timedelta(days=int(grid(0, 39).days[session]))


def night(session: int) -> datetime:
    return datetime.fromtimestamp(cut_off(session) / 1e6 - 60, UTC)


def test_a_label_follows_a_security_to_its_new_symbol() -> None:
    renamed = (name(1), day(20), 1.0, "symbol_renamed", night(20), "began", name(0))
    plain, found = two_series(), two_series(renamed)
    # Bought on 19 at 29, sold on 20 at 30 under the new symbol; without it the last close stands as if delisted.
    assert (plain[18], found[18]) == (0.0, pytest.approx(30 / 29 - 1))
    assert [found[at] for at in range(18)] == [plain[at] for at in range(18)]


def test_a_label_does_not_go_across_to_the_security_that_takes_the_symbol() -> None:
    taken = (name(0), day(20), 1.0, "symbol_reused", night(20), "began", "level")
    plain, found = two_series(old_goes_on=True), two_series(taken, old_goes_on=True)
    assert plain[18] == pytest.approx(99 / 29 - 1)
    assert math.isnan(found[18])
    assert [found[at] for at in (*range(18), *range(19, 38))] == [plain[at] for at in (*range(18), *range(19, 38))]
