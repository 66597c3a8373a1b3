"""A whole simulated market: bars, events, mistakes to be made, and the truth about them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from afterbell.simulation.arrays import Indices, Mask, Matrix
from afterbell.simulation.bars import SimulatedBars, simulate_bars
from afterbell.simulation.faults import CLOSED_DAY, EMPTY_FILE, WITHOUT_SYMBOL, FaultPlan, closed_day, plan_faults
from afterbell.simulation.layout import price_key
from afterbell.simulation.listings import Listings, simulate_listings
from afterbell.simulation.misdated import as_shown, plan_misdated
from afterbell.simulation.returns import Returns, simulate_returns
from afterbell.simulation.spec import MarketSpec
from afterbell.simulation.truth import Event, Fault, Truth, oracle

__all__ = ["Market", "MarketSpec", "simulate"]

_RESTATED_CLOSES = 0.0005  # of the rows


@dataclass(frozen=True, eq=False)
class Market:
    """A market to be delivered; matrices have the shape (sessions, symbols).

    Attributes:
        spec: what it was made from; everything else is a function of it.
        dates: the sessions, ascending.
        listings: the symbols and when they trade.
        bars: what was traded, as the vendor knows it a session later.
        factors: float64, what the close before is multiplied with in that ex-session.
        shown: float64, the factors as the drop of that session shows them.
        first_close: float64, the close as first delivered, restated a session later where it differs.
        first_volume: int64, the volume as first delivered, likewise.
        plans: the mistakes that the feed makes.
        truth: the answers.
    """

    spec: MarketSpec
    dates: tuple[date, ...]
    listings: Listings
    bars: SimulatedBars
    factors: Matrix
    shown: Matrix
    first_close: Matrix
    first_volume: Indices
    plans: tuple[FaultPlan, ...]
    truth: Truth


def simulate(spec: MarketSpec) -> Market:
    """Draw the market that ``spec`` describes; the same spec gives the same market."""
    dates = spec.dates()
    listings = simulate_listings(spec)
    returns = simulate_returns(spec)
    bars = simulate_bars(spec, returns, listings)
    factors = bars.factors()
    first_close, first_volume = _first_delivered(spec, bars, listings)
    plans, misdated = plan_faults(spec, dates, listings), plan_misdated(spec, bars, listings)
    shown = as_shown(factors, misdated)
    truth = _truth(spec, dates, listings, returns, bars, first_close, (*plans, *misdated))
    return Market(spec, dates, listings, bars, factors, shown, first_close, first_volume, plans, truth)


def _first_delivered(spec: MarketSpec, bars: SimulatedBars, listings: Listings) -> tuple[Matrix, Indices]:
    """Closes and volumes before they are restated: about every second volume, and few closes."""
    rng = spec.rng("restatements")
    shape = bars.close.shape
    change = np.where(rng.random(shape) < 0.5, rng.normal(0.0, 0.01, shape), 0.0)
    volume = np.maximum(np.round(bars.volume * (1 + change)), 1).astype(np.int64)
    restated = rng.random(shape) < _RESTATED_CLOSES
    # Only a row that the next drop delivers again can be put right.
    for session in range(shape[0]):
        restated[session] &= listings.active(session) & listings.active(session + 1) & (session + 1 < shape[0])
    close = np.where(restated, np.round(bars.close * (1 + rng.normal(0.0, 0.003, shape)), 2), bars.close)
    return np.maximum(close, 0.01), volume


def _truth(
    spec: MarketSpec,
    dates: tuple[date, ...],
    listings: Listings,
    returns: Returns,
    bars: SimulatedBars,
    first_close: Matrix,
    plans: tuple[FaultPlan, ...],
) -> Truth:
    days = [day.isoformat() for day in dates]
    listed = np.array([listings.active(session) for session in range(len(dates))])
    factors = bars.factors()

    def events(cells: Mask, amount: Matrix, factor: Matrix | None = None) -> tuple[Event, ...]:
        return tuple(
            Event(
                listings.symbols[symbol],
                days[session],
                float(amount[session, symbol]),
                None if factor is None else float(factor[session, symbol]),
            )
            for session, symbol in np.argwhere(cells & listed)
        )

    late = np.flatnonzero(listings.first > 0)
    gone = np.flatnonzero(listings.last < len(dates) - 1)
    return Truth(
        spec=spec.to_json(),
        oracle={horizon: oracle(returns, listings, horizon) for horizon in spec.horizons},
        splits=events(bars.split != 1, bars.split, factors),
        dividends=events(bars.dividend > 0, bars.dividend, factors),
        listings=tuple(Event(listings.symbols[i], days[listings.first[i]]) for i in late),
        delistings=tuple(Event(listings.symbols[i], days[listings.last[i]]) for i in gone),
        restatements=events(first_close != bars.close, first_close),
        faults=tuple(_fault(plan, dates, listings) for plan in plans),
    )


def _fault(plan: FaultPlan, dates: tuple[date, ...], listings: Listings) -> Fault:
    extra = plan.kind in {CLOSED_DAY, EMPTY_FILE}
    day = closed_day(plan, dates) if extra else dates[plan.session]
    symbol = None if plan.kind in WITHOUT_SYMBOL else listings.symbols[plan.symbol]
    return Fault(plan.kind, price_key(day), day.isoformat(), symbol)
