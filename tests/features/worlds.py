"""Small markets for the tests of features: rows of bars and actions, written one by one or drawn from a seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from afterbell.features.compute import compute
from afterbell.features.factors import FactorSet
from afterbell.features.filings import FIGURES, Filings
from afterbell.features.grid import Actions, Bars, FactorPanel, SessionGrid
from afterbell.features.panel import panel

SECONDS = 1_000_000
DAY = 86_400 * SECONDS


def cut_off(session: int) -> int:
    """Of the session with that number: the end of its day, in microseconds."""
    return (session + 1) * DAY


def grid(first: int, last: int) -> SessionGrid:
    """Sessions ``first`` to ``last``, numbered like days since 1970-01-01."""
    days = np.arange(first, last + 1)
    return SessionGrid(days, (days + 1) * DAY)


@dataclass
class World:
    """What a vendor delivered; ``known`` is the session by whose cut-off a row was there."""

    bars: list[tuple[Any, ...]] = field(default_factory=list)
    actions: list[tuple[Any, ...]] = field(default_factory=list)
    filings: list[tuple[Any, ...]] = field(default_factory=list)

    def bar(
        self,
        symbol: int,
        session: int,
        close: float,
        volume: float = 1000.0,
        *,
        ohl: tuple[float, float, float] | None = None,
        known: int | None = None,
    ) -> None:
        """One revision of a bar; open, high and low are the close unless given."""
        moment = cut_off(session if known is None else known) - 90 * 60 * SECONDS
        revision = sum(row[:2] == (symbol, session) for row in self.bars)
        self.bars.append((symbol, session, moment, revision, *(ohl or (close, close, close)), close, volume))

    def action(
        self, symbol: int, session: int, factor: float, *, split: bool = False, known: int | None = None
    ) -> None:
        """One revision of an action."""
        moment = cut_off(session if known is None else known) - 90 * 60 * SECONDS
        self.actions.append((symbol, session, moment, factor, split))

    def filing(
        self,
        period_end: int,
        known: float,
        *,
        symbol: int = 0,
        annual: bool = False,
        amended: bool = False,
        **figures: float,
    ) -> None:
        """A filing known one and a half hours before the cut-off of session ``known``; figures not given are NaN."""
        values = [figures.pop(name, float("nan")) for name in FIGURES]
        assert not figures, figures
        self.filings.append((symbol, period_end, cut_off(0) + int(known * DAY) - 90 * 60 * SECONDS, annual, amended,
                             *values))  # fmt: skip

    def series(self, closes: Sequence[float | None], volumes: Sequence[float] | None = None, symbol: int = 0) -> World:
        """Bars of sessions 0, 1, ..; None leaves a session out."""
        for session, close in enumerate(closes):
            if close is not None:
                self.bar(symbol, session, close, volumes[session] if volumes else 1000.0)
        return self

    def known(self, first: int, last: int, history: int = 0, by: int | None = None) -> tuple[Bars, Actions]:
        """The rows about sessions ``first`` to ``last`` that were known by the cut-off of ``by``, or of ``last``.

        Actions go ``history`` sessions further back.
        """
        limit = cut_off(last if by is None else by)
        inside = [row for row in self.bars if first <= row[1] <= last and row[2] <= limit]
        acts = [row for row in self.actions if first - history <= row[1] <= last and row[2] <= limit]
        table = np.array(inside, dtype=np.float64).reshape(-1, 9).T
        symbol, session, knowledge, revision = (column.astype(np.int64) for column in table[:4])
        moves = np.array(acts, dtype=np.float64).reshape(-1, 5).T
        found = Actions(
            moves[0].astype(np.int64),
            moves[1].astype(np.int64),
            moves[2].astype(np.int64),
            moves[3],
            moves[4].astype(np.bool_),
        )
        return Bars(symbol, session, knowledge, revision, table[4:]), found

    def filed(self, first: int, last: int) -> Filings:
        """The filings of periods that ended from ``first`` on, known by the cut-off of ``last``."""
        rows = [row for row in self.filings if row[1] >= first and row[2] <= cut_off(last)]
        whole = np.array([row[:5] for row in rows], dtype=np.int64).reshape(-1, 5).T
        values = np.array([row[5:] for row in rows], dtype=np.float64).reshape(-1, len(FIGURES)).T
        return Filings(whole[0], whole[1], whole[2], whole[3].astype(np.bool_), whole[4].astype(np.bool_), values)

    def panel(self, first: int, last: int, n_symbols: int, max_age: int | None = None) -> FactorPanel:
        """The panel of sessions ``first`` to ``last``, of the rows known by the cut-off of ``last``."""
        return panel(*self.known(first, last), grid(first, last), n_symbols, max_age)

    def rows(
        self, factors: FactorSet, wanted: list[int], n_symbols: int = 1, by: int | None = None
    ) -> dict[tuple[int, int], bytes]:
        """The bytes of each feature row by (symbol, session), the ``wanted`` sessions computed in one go."""
        first, last = wanted[0] - factors.depth, wanted[-1]
        columns = np.array(wanted, dtype=np.int64) - first
        bars, actions = self.known(first, last, factors.history, by)
        filings = self.filed(wanted[0] - factors.history, last)
        rows = compute(bars, actions, grid(first, last), n_symbols, factors, columns, filings)
        keys = zip(rows.symbol.tolist(), rows.session.tolist(), strict=True)
        return {key: values.tobytes() for key, values in zip(keys, rows.values.T, strict=True)}

    def values(self, factors: FactorSet, session: int, symbol: int = 0, n_symbols: int = 1) -> dict[str, float]:
        """One feature row by the names of its factors."""
        row = self.rows(factors, [session], n_symbols)[symbol, session]
        return dict(zip(factors.names, np.frombuffer(row, dtype=np.float32).tolist(), strict=True))


def drawn(seed: int, n_symbols: int, n_sessions: int) -> World:
    """A market with gaps, listings, delistings, splits, dividends, and rows restated one to four sessions later."""
    rng = np.random.default_rng(seed)
    world = World()
    for symbol in range(n_symbols):
        begin = int(rng.integers(0, n_sessions // 2)) if symbol % 4 == 3 else 0
        end = int(rng.integers(n_sessions // 2, n_sessions)) if symbol % 4 == 2 else n_sessions
        price = float(rng.uniform(5, 200))
        for session in range(begin, end):
            if rng.random() < 0.03:
                continue
            if rng.random() < 0.02:
                ratio = float(rng.choice([0.5, 0.1, 1.5]))
                price *= ratio
                world.action(symbol, session, ratio, split=True, known=session + int(rng.integers(-1, 3)))
            if rng.random() < 0.03:
                world.action(symbol, session, float(rng.uniform(0.97, 0.999)), known=session + int(rng.integers(0, 2)))
            price *= float(np.exp(rng.normal(0, 0.03)))
            open_ = price * float(np.exp(rng.normal(0, 0.01)))
            ohl = (
                open_,
                max(open_, price) * float(rng.uniform(1, 1.02)),
                min(open_, price) * float(rng.uniform(0.98, 1)),
            )
            volume = float(rng.integers(0, 10_000)) if rng.random() < 0.1 else float(rng.integers(10_000, 10_000_000))
            world.bar(symbol, session, price, volume, ohl=ohl, known=session + int(rng.random() < 0.03))
            if rng.random() < 0.1:
                later = session + int(rng.integers(1, 5))
                world.bar(
                    symbol,
                    session,
                    price * float(rng.uniform(0.9, 1.1)),
                    float(round(volume * 1.25)) + 1.0,
                    ohl=ohl,
                    known=later,
                )
    return world
