"""The parameters of a simulated market."""

from __future__ import annotations

import math
import zlib
from dataclasses import asdict, dataclass
from datetime import date, timedelta

import numpy as np
from pydantic import JsonValue

from afterbell.calendar.sessions import Exchange
from afterbell.errors import ConfigError


@dataclass(frozen=True)
class MarketSpec:
    """The parameters of a simulated market; everything about it is a function of them.

    Attributes:
        symbols: how many are ever listed, 10 to 20,000.
        sessions: how many sessions are delivered, 20 to 5,000.
        last_session: the newest of them; must be a session of ``exchange``.
        seed: of all random numbers, from 0.
        signal: correlation of the hidden driver with the idiosyncratic return it leads, 0 (none) to 0.5.
        faults: whether the vendor makes its ordinary mistakes.
        horizons: sessions over which the oracle's labels look.
        exchange: ISO 10383 code.
        misdated: whether the vendor shows actions early, twice, late or never.

    Raises:
        ConfigError: a parameter is out of its range.
        NotASessionError: the exchange does not trade on ``last_session``.
    """

    symbols: int = 500
    sessions: int = 300
    last_session: date = date(2026, 6, 30)
    seed: int = 7
    signal: float = 0.10
    faults: bool = True
    horizons: tuple[int, ...] = (1, 5)
    exchange: str = "XNYS"
    misdated: bool = False

    def __post_init__(self) -> None:
        """Check every parameter's range."""
        _within("symbols", self.symbols, 10, 20_000)
        _within("sessions", self.sessions, 20, 5_000)
        _within("signal", self.signal, 0.0, 0.5)
        _within("seed", self.seed, 0, 2**63)
        if not self.horizons or min(self.horizons) < 1 or max(self.horizons) + 2 > self.sessions:
            raise ConfigError(
                f"simulation: horizons {self.horizons} are not usable: each must be 1 or more, and "
                f"{self.sessions} sessions must hold the longest one and two sessions more"
            )
        Exchange(self.exchange).require(self.last_session)

    def dates(self) -> tuple[date, ...]:
        """The sessions delivered, ascending, counted back from the last one."""
        # 252 sessions in 365 days; the slack covers holidays in short ranges.
        first = self.last_session - timedelta(days=math.ceil(self.sessions * 365 / 250) + 14)
        return tuple(Exchange(self.exchange).between(first, self.last_session)[-self.sessions :])

    def rng(self, part: str) -> np.random.Generator:
        """The random numbers of one part of the market: no part's number of draws disturbs another's."""
        return np.random.default_rng([self.seed, zlib.crc32(part.encode())])

    def to_json(self) -> dict[str, JsonValue]:
        """The parameters as JSON values."""
        return asdict(self) | {"last_session": self.last_session.isoformat(), "horizons": list(self.horizons)}


def _within(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise ConfigError(f"simulation: {name} must lie between {low} and {high}, found {value}")
