"""Actions that the vendor shows on the wrong session: early, early and again on the day, late, or never."""

from __future__ import annotations

import numpy as np

from afterbell.simulation.arrays import Matrix
from afterbell.simulation.bars import SimulatedBars
from afterbell.simulation.faults import FaultPlan
from afterbell.simulation.listings import Listings
from afterbell.simulation.spec import MarketSpec

EARLY, TWICE, LATE, MISSED = "action_early", "action_twice", "action_late", "action_missed"
MISDATED = (EARLY, TWICE, LATE, MISSED)

_DIVIDENDS_TWICE = 0.05  # of the dividends; too small to show in the price, so only these can be corrected
_APART = 6  # sessions between a misdated action and any other of the symbol


def plan_misdated(spec: MarketSpec, bars: SimulatedBars, listings: Listings) -> tuple[FaultPlan, ...]:
    """Which actions are shown wrongly: four splits of five, each way in turn, and a few dividends twice."""
    if not spec.misdated:
        return ()
    rng = spec.rng("misdated")
    acting = (bars.split != 1) | (bars.dividend > 0)
    plans = []
    for number, (session, symbol) in enumerate(np.argwhere(bars.split != 1).tolist()):
        kind = (*MISDATED, "")[number % (len(MISDATED) + 1)]
        if kind and _alone(acting, session, symbol) and _traded(listings, session, symbol):
            plans.append(FaultPlan(kind, session, symbol))
    for session, symbol in np.argwhere((bars.dividend > 0) & (rng.random(acting.shape) < _DIVIDENDS_TWICE)).tolist():
        if _alone(acting, session, symbol) and _traded(listings, session, symbol):
            plans.append(FaultPlan(TWICE, session, symbol))
    return tuple(sorted(plans, key=lambda plan: (plan.session, plan.symbol)))


def _alone(acting: np.ndarray[tuple[int, ...], np.dtype[np.bool_]], session: int, symbol: int) -> bool:
    return int(acting[max(session - _APART, 0) : session + _APART + 1, symbol].sum()) == 1


def _traded(listings: Listings, session: int, symbol: int) -> bool:
    """Whether the symbol trades on two sessions before and after: the drops around have it."""
    return bool(listings.first[symbol] <= session - 2 and session + 2 <= listings.last[symbol])


def as_shown(factors: Matrix, plans: tuple[FaultPlan, ...]) -> Matrix:
    """The factors that the drops of each session show, shape (sessions, symbols)."""
    shown = factors.copy()
    for plan in plans:
        factor = factors[plan.session, plan.symbol]
        if plan.kind != TWICE:
            shown[plan.session, plan.symbol] = 1.0
        if plan.kind in {EARLY, TWICE}:
            shown[plan.session - 1, plan.symbol] = factor
        if plan.kind == LATE:
            shown[plan.session + 1, plan.symbol] = factor
    return shown
