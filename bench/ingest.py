"""What our strict parsing of a drop costs, against Polars' own CSV reader, which checks nothing."""

from __future__ import annotations

import gzip
import io
import re
from datetime import date

import polars as pl

from afterbell.calendar.sessions import Exchange
from afterbell.ingest.parse import DropName, parse_drop
from afterbell.ingest.source import load_sources
from afterbell.quality.rules import load_rules
from afterbell.simulation.feed import deliveries
from afterbell.simulation.market import MarketSpec, simulate
from bench.measure import Ratio, side_by_side

_DROPS, _SYMBOLS = 20, 4000


def parse_against_polars() -> Ratio:
    """Twenty price drops of 4,000 symbols: lines split, every value and rule checked, faults set aside."""
    spec = MarketSpec(symbols=_SYMBOLS, sessions=_DROPS, faults=False)
    source = next(found for found in load_sources() if found.kind == "bars")
    rules = load_rules(source.quality)
    exchange = Exchange()
    drops = []
    for item in deliveries(simulate(spec)):
        day = re.search(r"prices/\d{4}/(\d{8})", item.key)
        if item.store == "s3" and day:
            session = date.fromisoformat(day[1])
            name = DropName(item.key, session, (session, exchange.previous(session)))
            drops.append((name, item.body))

    def ours() -> int:
        return sum(parse_drop(source, rules, name, body).rows.height for name, body in drops)

    def theirs() -> int:
        frames = [pl.read_csv(io.BytesIO(gzip.decompress(body)), try_parse_dates=True) for _, body in drops]
        return sum(frame.height for frame in frames)

    if ours() != theirs():
        raise RuntimeError("both sides must read the same rows")
    note = f"{len(drops)} drops of {_SYMBOLS:,} symbols: strict parse and rules / pl.read_csv, one process"
    return side_by_side("parse a drop", ours, theirs, note=note)
