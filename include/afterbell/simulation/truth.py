"""The truth about a simulated market: the score of a perfect model, and every event and fault by name."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from pydantic import JsonValue

from afterbell.simulation.arrays import Matrix
from afterbell.simulation.listings import Listings
from afterbell.simulation.returns import Returns

_FEWEST = 5  # symbols that a correlation is taken over


@dataclass(frozen=True)
class Oracle:
    """The driver's cross-sectional correlations with the label over one horizon.

    Attributes:
        horizon: sessions.
        ic: mean over sessions of Pearson's correlation.
        ic_se: standard error of that mean; for overlapping labels Newey and West's (1987) with horizon - 1 lags.
        rank_ic: mean over sessions of Spearman's correlation.
        rank_ic_se: its standard error, likewise.
        sessions: how many sessions have a label.
    """

    horizon: int
    ic: float
    ic_se: float
    rank_ic: float
    rank_ic_se: float
    sessions: int


@dataclass(frozen=True)
class Event:
    """Something that happened to a symbol.

    Attributes:
        symbol: whose.
        session: ISO date: the ex-session of an action, the first of a listing, the last of a delisting.
        amount: new shares for one (split), dollars a share (dividend), the close first delivered (restatement).
        factor: what the close before is multiplied with (split and dividend only).
    """

    symbol: str
    session: str
    amount: float | None = None
    factor: float | None = None


@dataclass(frozen=True)
class Fault:
    """A mistake of the vendor's.

    Attributes:
        kind: as in `afterbell.simulation.faults` and `afterbell.simulation.misdated`.
        key: the drop that holds it.
        session: ISO date of the drop, a closed day for some kinds; of a misdated action its true ex-session.
        symbol: whose row, if it is in one.
    """

    kind: str
    key: str
    session: str
    symbol: str | None = None


@dataclass(frozen=True)
class Truth:
    """The answers to a simulated market; ``spec`` is that of the market as JSON values."""

    spec: dict[str, JsonValue]
    oracle: dict[int, Oracle]
    splits: tuple[Event, ...]
    dividends: tuple[Event, ...]
    listings: tuple[Event, ...]
    delistings: tuple[Event, ...]
    restatements: tuple[Event, ...]
    faults: tuple[Fault, ...]

    def to_json(self) -> dict[str, JsonValue]:
        """All of it as JSON values; horizons are keys, events without an amount leave it out."""
        document = asdict(self)
        document["oracle"] = {str(horizon): asdict(value) for horizon, value in self.oracle.items()}
        for kind in ("splits", "dividends", "listings", "delistings", "restatements", "faults"):
            document[kind] = [
                {key: value for key, value in item.items() if value is not None} for item in document[kind]
            ]
        return document


def oracle(returns: Returns, listings: Listings, horizon: int) -> Oracle:
    """How well the driver itself predicts ``close(t+1+h)/close(t+1) - 1``, dividends included.

    Computed from unrounded prices, over the symbols that trade in session t and still in t+1+h.
    """
    index = np.cumprod(1 + returns.total, axis=0)
    last = len(index) - horizon - 1
    label = index[1 + horizon :] / index[1 : last + 1] - 1
    pearson, spearman = [], []
    for session in range(last):
        listed = listings.active(session) & listings.active(session + 1 + horizon)
        if listed.sum() >= _FEWEST:
            driver, outcome = returns.driver[session, listed], label[session, listed]
            pearson.append(_correlation(driver, outcome))
            spearman.append(_correlation(_ranks(driver), _ranks(outcome)))
    return Oracle(
        horizon,
        float(np.mean(pearson)),
        _standard_error(np.array(pearson), horizon - 1),
        float(np.mean(spearman)),
        _standard_error(np.array(spearman), horizon - 1),
        len(pearson),
    )


def _correlation(left: Matrix, right: Matrix) -> float:
    return float(np.corrcoef(left, right)[0, 1])


def _ranks(values: Matrix) -> Matrix:
    # Continuous draws have no ties, so that the order of the order is the rank.
    return np.argsort(np.argsort(values)).astype(np.float64)


def _standard_error(values: Matrix, lags: int) -> float:
    centred = values - values.mean()
    number = len(values)
    variance = float(centred @ centred) / number
    for lag in range(1, lags + 1):
        weight = 1 - lag / (lags + 1)
        variance += 2 * weight * float(centred[lag:] @ centred[:-lag]) / number
    return float(np.sqrt(max(variance, 0.0) / number))
