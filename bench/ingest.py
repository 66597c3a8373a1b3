"""What ingest costs: against Polars' own CSV reader, which checks nothing; with a long history; and its audit."""

from __future__ import annotations

import gzip
import io
import re
import tempfile
from datetime import date
from functools import partial
from pathlib import Path

import polars as pl

from afterbell.calendar.sessions import Exchange
from afterbell.cli.market import write_folder
from afterbell.ingest.parsing.parse import DropName, parse_drop
from afterbell.simulation.feed import deliveries
from afterbell.simulation.market import MarketSpec, simulate
from afterbell.sources.rules import load_rules
from afterbell.sources.source import load_sources
from bench.driver import ROOT
from bench.measure import Ratio, ratio_of, side_by_side
from bench.replay import sessions_of
from bench.services import DriverClient, services

_DROPS, _SYMBOLS = 20, 4000
REAL = ROOT.parent / "shared" / "market" / "us_daily"
_LONG, _SHORT = 300, 30
_DAILY = 60
"""Sessions that came one by one, each with its small files, after all those before came at once."""


def parse_against_polars() -> list[Ratio]:
    """Twenty price drops of 4,000 symbols: lines split, every value and rule checked, faults set aside."""
    spec = MarketSpec(symbols=_SYMBOLS, sessions=_DROPS, faults=False)
    source = next(source for source in load_sources() if source.kind == "bars")
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
    return [side_by_side("parse a drop", ours, theirs, note=note)]


def ingest_and_audit() -> list[Ratio]:
    """All drops against Polars and plain Spark; one more session on top of 300 and of 30; the audit of one."""
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        drops, what = REAL, "the real drops"
        if not drops.is_dir():
            drops, what = Path(scratch), "simulated drops of 1,000 symbols"
            write_folder(deliveries(simulate(MarketSpec(symbols=1000, sessions=_LONG + 2))), drops)
        sessions = [day.isoformat() for day in sessions_of(drops, "")]
        with services(drops) as env:
            driver = partial(DriverClient, "bench.ingest_driver", [str(drops)], env)
            with driver() as long, driver() as short:
                return _compare(long, short, sessions, what)


def _compare(long: DriverClient, short: DriverClient, sessions: list[str], what: str) -> list[Ratio]:
    after_short, after_long = sessions[_SHORT], sessions[min(_LONG, len(sessions) - 1)]
    short.call("run", sessions=sessions[:_SHORT])
    last = sessions[-1]
    turns = [
        (long.call("ingest", session=last), long.call("polars", last=last), long.call("plain", last=last))
        for _ in range(5)
    ][2:]
    source = f"{what} of {len(sessions)} sessions from S3 and HDFS, Iceberg commits included"
    bulk = [
        ratio_of("bulk ingest", [(ours, polars) for ours, polars, _ in turns], f"{source} / pl.read_csv on the files"),
        ratio_of(
            "bulk ingest, plain Spark",
            [(ours, plain) for ours, _, plain in turns],
            f"{source} / spark.read.csv of the files on disk, a window for revisions and factors, Iceberg: no checks",
        ),
    ]
    at = sessions.index(after_long)
    long.call("run", sessions=[sessions[at - _DAILY - 1], *sessions[at - _DAILY : at]])
    again = [(long.call("ingest", session=after_long), short.call("ingest", session=after_short)) for _ in range(8)][1:]
    note = f"{what}: on top of {at} sessions, the last {_DAILY} one by one / on top of {_SHORT} one by one, each warm"
    history = ratio_of("one more session ingested", again, note)
    return [*bulk, history, *audits(long, after_long, what)]


def audits(driver: DriverClient, session: str, what: str) -> list[Ratio]:
    """The whole audit of ``session``, and what Great Expectations adds to it, both against the session's ingest."""
    whole, added = [], []
    for _ in range(8):
        ingest = driver.call("ingest", session=session)
        without, audit = driver.call("look", session=session), driver.call("audit", session=session)
        whole.append((audit, ingest))
        added.append((audit - without, ingest))
    return [
        ratio_of("audit of a session", whole[1:], f"{what}: the whole audit of a session / its ingest"),
        ratio_of(
            "Great Expectations", added[1:], f"{what}: the same audit less the same without it, Data Docs too / ingest"
        ),
    ]
