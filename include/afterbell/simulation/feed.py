"""The vendor's deliveries of a simulated market, in the order in which they would come."""

from __future__ import annotations

import gzip
from collections import defaultdict
from collections.abc import Iterator

import numpy as np
import polars as pl

from afterbell.simulation.arrays import Indices
from afterbell.simulation.faults import CLOSED_DAY, EMPTY_FILE, FaultPlan, closed_day, spoil
from afterbell.simulation.filings import master_sessions, simulate_filings, symbol_master
from afterbell.simulation.layout import price_key, report_key, symbols_key
from afterbell.simulation.market import Market
from afterbell.stores.protocols import Delivery


def deliveries(market: Market) -> Iterator[Delivery]:
    """All drops of all sessions; their bytes are a function of the market's spec alone."""
    filings = simulate_filings(market.spec, market.dates, market.listings)
    masters = set(master_sessions(market.dates))
    plans: dict[int, list[FaultPlan]] = defaultdict(list)
    for plan in market.plans:
        plans[plan.session].append(plan)
    orders = market.spec.rng("order of rows")
    for session, day in enumerate(market.dates):
        order = orders.permutation(len(market.listings.symbols))
        body = _price_drop(market, session, order, plans[session])
        yield Delivery("s3", price_key(day), body)
        # Where nothing was filed the vendor delivers nothing, compressed.
        yield Delivery("hdfs", report_key(day), _compress(filings.get(day, "")))
        if session in masters:
            yield Delivery("hdfs", symbols_key(day), _compress(symbol_master(market.listings, session)))
        for plan in plans[session]:
            if plan.kind in {CLOSED_DAY, EMPTY_FILE}:
                extra = body if plan.kind == CLOSED_DAY else b""
                yield Delivery("s3", price_key(closed_day(plan, market.dates)), extra)


def _price_drop(market: Market, session: int, order: Indices, plans: list[FaultPlan]) -> bytes:
    text = _price_frame(market, session, order).write_csv(float_precision=2)
    within = [plan for plan in plans if plan.kind not in {CLOSED_DAY, EMPTY_FILE}]
    if within:
        lines = text.splitlines()
        for plan in within:
            spoil(lines, plan, market.listings.symbols[plan.symbol], market.dates[session])
        text = "\n".join(lines) + "\n"
    return _compress(text)


def _price_frame(market: Market, session: int, order: Indices) -> pl.DataFrame:
    """A session's rows as first delivered, each followed by the same symbol's row of the session before, restated."""
    bars, listings = market.bars, market.listings
    chosen = order[listings.active(session)[order]]
    earlier = listings.active(session - 1)[chosen] if session else np.zeros(len(chosen), dtype=bool)
    # Two places a symbol, the second one dropped where there is no earlier row.
    symbol = np.repeat(chosen, 2)
    today = np.tile([True, False], len(chosen))
    kept = today | np.repeat(earlier, 2)
    symbol, today = symbol[kept], today[kept]
    row = np.where(today, session, max(session - 1, 0))

    close = np.where(today, market.first_close[row, symbol], bars.close[row, symbol])
    volume = np.where(today, market.first_volume[row, symbol], bars.volume[row, symbol])
    factor = np.where(today, 1.0, market.shown[session, symbol])
    adjusted = [
        f"{price:.2f}" if scale == 1.0 else f"{price * scale:.6f}"
        for price, scale in zip(close.tolist(), factor.tolist(), strict=True)
    ]
    days = [day.isoformat() for day in market.dates[max(session - 1, 0) : session + 1]]
    return pl.DataFrame(
        {
            "symbol": [listings.symbols[i] for i in symbol.tolist()],
            "date": [days[-1] if new else days[0] for new in today.tolist()],
            "open": bars.open[row, symbol],
            # A close that is restated later must not stand outside the range it is delivered with.
            "high": np.maximum(bars.high[row, symbol], close),
            "low": np.minimum(bars.low[row, symbol], close),
            "close": close,
            "volume": volume,
            "adj_close": adjusted,
        }
    )


def _compress(text: str) -> bytes:
    return gzip.compress(text.encode(), compresslevel=6, mtime=0)
