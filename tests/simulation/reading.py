"""Delivered bytes read back with pandas alone: no code of the project between the feed and the answers."""

from __future__ import annotations

import gzip
import io
from dataclasses import dataclass
from functools import lru_cache

import pandas as pd

from afterbell.simulation.feed import deliveries
from afterbell.simulation.market import Market, MarketSpec, simulate
from afterbell.stores.protocols import Delivery


@dataclass(frozen=True)
class Panel:
    """Wide frames, sessions down, symbols across."""

    close: pd.DataFrame
    first_volume: pd.DataFrame
    returns: pd.DataFrame  # adjusted by the vendor's adj_close, dividends included
    raw_returns: pd.DataFrame
    factor: pd.DataFrame  # adj_close / close of the session before, by ex-session


@lru_cache(maxsize=4)
def market_of(spec: MarketSpec) -> tuple[Market, list[Delivery]]:
    market = simulate(spec)
    return market, list(deliveries(market))


def price_drops(drops: list[Delivery]) -> list[Delivery]:
    return [drop for drop in drops if drop.key.startswith("prices/")]


def text_of(drop: Delivery) -> str:
    return gzip.decompress(drop.body).decode()


@lru_cache(maxsize=4)
def panel_of(spec: MarketSpec) -> Panel:
    """What is read back of a market's drops, once for all tests that ask; none of them changes it."""
    _, drops = market_of(spec)
    frames = []
    for drop in price_drops(drops):
        frame = pd.read_csv(io.StringIO(text_of(drop)))
        frame["drop"] = drop.key[-15:-7]
        frame["today"] = frame["date"].str.replace("-", "") == frame["drop"]
        frames.append(frame)
    rows = pd.concat(frames)
    first, again = rows[rows["today"]], rows[~rows["today"]]
    newest = pd.concat([first, again]).drop_duplicates(["symbol", "date"], keep="last")
    close = newest.pivot_table(index="date", columns="symbol", values="close")
    factor = again.assign(factor=again["adj_close"] / again["close"], ex=pd.to_datetime(again["drop"]))
    factor["ex"] = factor["ex"].dt.strftime("%Y-%m-%d")
    factors = factor.pivot_table(index="ex", columns="symbol", values="factor").reindex_like(close)
    raw = close / close.shift(1)
    return Panel(
        close,
        first.pivot_table(index="date", columns="symbol", values="volume"),
        raw / factors - 1,
        raw - 1,
        factors,
    )
