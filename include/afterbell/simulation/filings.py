"""Company filings and the symbol master, as the vendor puts them on HDFS. Neither knows anything of returns."""

from __future__ import annotations

import bisect
from datetime import date, timedelta

import numpy as np

from afterbell.simulation.arrays import Matrix
from afterbell.simulation.layout import REPORT_HEADER
from afterbell.simulation.listings import Listings
from afterbell.simulation.spec import MarketSpec

_FOCUS = {3: "Q1", 6: "Q2", 9: "Q3", 12: "FY"}
_MISSING = 0.05  # of the figures are not given
_AMENDED = 0.02  # of the filings are amended some weeks later


def simulate_filings(spec: MarketSpec, dates: tuple[date, ...], listings: Listings) -> dict[date, str]:
    """The text of each session's reports drop; sessions without a filing have none.

    Every symbol files a 10-Q or 10-K 25 to 60 days after a quarter's end, on the first session from then on.
    """
    rng = spec.rng("filings")
    symbols = spec.symbols
    revenue = np.exp(rng.normal(19.0, 1.2, symbols))
    shares = np.exp(rng.normal(17.5, 0.8, symbols))
    rows: dict[date, list[str]] = {}
    for quarter_end in _quarter_ends(dates[0] - timedelta(days=61), dates[-1]):
        revenue = revenue * np.exp(rng.normal(0.01, 0.05, symbols))
        figures = _figures(rng, revenue, shares, 4 if quarter_end.month == 12 else 1)
        known = rng.random(figures.shape) >= _MISSING
        delay = rng.integers(25, 61, symbols)
        again = np.where(rng.random(symbols) < _AMENDED, rng.integers(15, 40, symbols), 0)
        for symbol in range(symbols):
            cells = [f"{x:.1f}" if abs(x) > 1000 else f"{x:.2f}" for x in figures[symbol].tolist()]
            text = ",".join(cell if given else "" for cell, given in zip(cells, known[symbol], strict=True))
            filings = [(False, int(delay[symbol]))]
            if again[symbol]:
                filings.append((True, int(delay[symbol] + again[symbol])))
            for amended, days in filings:
                session = bisect.bisect_left(dates, quarter_end + timedelta(days=days))
                if session < len(dates) and listings.first[symbol] <= session <= listings.last[symbol]:
                    head = _head(listings.symbols[symbol], quarter_end, amended=amended)
                    rows.setdefault(dates[session], []).append(f"{head},{text}")
    return {day: "\n".join([REPORT_HEADER, *rows[day]]) + "\n" for day in sorted(rows)}


def _quarter_ends(after: date, until: date) -> list[date]:
    ends = [
        date(year, month, day)
        for year in range(after.year, until.year + 1)
        for month, day in ((3, 31), (6, 30), (9, 30), (12, 31))
    ]
    return [end for end in ends if after < end < until]


def _head(symbol: str, quarter_end: date, *, amended: bool) -> str:
    focus = _FOCUS[quarter_end.month]
    document = "10-K" if focus == "FY" else "10-Q"
    return f"{symbol},{quarter_end.isoformat()},{amended},{focus},{quarter_end.year},{document}"


def _figures(
    rng: np.random.Generator,
    revenue: Matrix,
    shares: Matrix,
    quarters: int,
) -> Matrix:
    """The fourteen figures of a filing in dollars (per share for three of them), shape (symbols, 14)."""
    symbols = len(revenue)
    sales = revenue * quarters
    operating = sales * rng.normal(0.12, 0.08, symbols)
    net = operating * rng.uniform(0.6, 0.85, symbols)
    basic = net / shares
    assets = revenue * rng.uniform(5.0, 12.0, symbols)
    current = assets * rng.uniform(0.2, 0.5, symbols)
    cash_flow = net * rng.uniform(0.9, 1.4, symbols)
    return np.column_stack(
        [
            sales,
            operating,
            net,
            basic,
            basic * 0.98,
            np.maximum(basic * 0.3, 0.0),
            assets,
            current,
            current * rng.uniform(0.4, 0.9, symbols),
            current * rng.uniform(0.2, 0.6, symbols),
            assets * rng.uniform(0.3, 0.7, symbols),
            cash_flow,
            -cash_flow * rng.uniform(0.2, 0.7, symbols),
            -cash_flow * rng.uniform(0.1, 0.5, symbols),
        ]
    )


def symbol_master(listings: Listings, session: int) -> str:
    """The master as of a session: symbol, tab, name, a line each, in the vendor's order."""
    listed = np.flatnonzero(listings.active(session))
    return "".join(f"{listings.symbols[i]}\t{listings.names[i]}\n" for i in listed)


def master_sessions(dates: tuple[date, ...]) -> list[int]:
    """Indices of the sessions with a master: the first of each week."""
    weeks = [day.isocalendar()[:2] for day in dates]
    return [index for index, week in enumerate(weeks) if index == 0 or week != weeks[index - 1]]
