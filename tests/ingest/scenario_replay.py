"""The same drops in one run and session by session, into two lakes; writes how the tables compare as JSON.

Published without an audit: what is compared is what ingest makes of the drops.
"""

from __future__ import annotations

import gzip
import json
import os
import sys
import zlib
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from afterbell.calendar.sessions import Exchange
from afterbell.config.runtime import Runtime
from afterbell.errors import MissingDropsError
from afterbell.ingest.job import ingest
from afterbell.ingest.write import publish
from afterbell.simulation.feed import deliveries
from afterbell.simulation.market import MarketSpec, simulate
from afterbell.stores.protocols import Delivery, StoreKind
from afterbell.stores.upload import upload
from bench.lakes import Lake, differences

DROPS = Path(__file__).resolve().parents[3] / "shared" / "market" / "us_daily"
# A drop delivered three times over, forty-six sessions with a holiday's drop among them, and one taken too early.
FIRST, LAST = date(2015, 6, 15), date(2015, 8, 20)
APART = (date(2015, 4, 6), date(2015, 11, 17))
KINDS: tuple[StoreKind, ...] = ("s3", "hdfs")
ALWAYS = {b"SBUX", b"NFLX", b"NKE", b"AAPL"}
ONE_IN = 30


def wanted(line: bytes) -> bool:
    """One symbol in thirty, some that had splits, and every line that isn't a row."""
    symbol, found, _ = line.replace(b"\t", b",").partition(b",")
    return not found or symbol in ALWAYS | {b"symbol"} or zlib.crc32(symbol) % ONE_IN == 0


def cut(path: Path) -> bytes:
    """A real drop with few of its symbols, line by line as it is; an empty one stays empty."""
    data = path.read_bytes()
    lines = gzip.decompress(data).splitlines(keepends=True) if data else []
    return gzip.compress(b"".join(line for line in lines if wanted(line)), 1, mtime=0) if data else b""


def real() -> Iterable[Delivery]:
    for kind in KINDS:
        for path in sorted((DROPS / kind).rglob("*.gz")):
            day = datetime.strptime(path.name[:8], "%Y%m%d").replace(tzinfo=UTC).date()
            if FIRST <= day <= LAST or day in APART:
                yield Delivery(kind, path.relative_to(DROPS / kind).as_posix(), cut(path))


def ingested(lake: Lake, sessions: Iterable[date]) -> list[str]:
    """Run the sessions one after another; what failed and why."""
    failed = []
    for session in sessions:
        try:
            publish(lake.spark, ingest(lake.args("ingest", session)).branch)
        except MissingDropsError as error:
            failed.append(f"{session}: {error}")
    return failed


def compared(home: Path, name: str, feed: Iterable[Delivery], sessions: list[date]) -> dict[str, Any]:
    os.environ["AFTERBELL_FEED_BUCKET"] = f"replay-{name}"
    os.environ["AFTERBELL_HDFS_ROOT"] = f"/replay-{name}"
    upload(feed, Runtime.from_env())
    began = datetime.now(UTC)
    bulk = Lake(home, f"{name}_bulk", keep_context=True)
    ingested(bulk, sessions[-1:])
    middle = datetime.now(UTC)
    daily = Lake(home, f"{name}_daily", keep_context=True)
    failed = ingested(daily, sessions)
    seconds = [(middle - began) / timedelta(seconds=1), (datetime.now(UTC) - middle) / timedelta(seconds=1)]
    tables = differences(bulk.runtime, daily.runtime)
    return {"sessions": len(sessions), "failed": failed, "tables": tables, "seconds": seconds}


def main() -> None:
    home = Path(sys.argv[1]).parent
    exchange = Exchange()
    market = simulate(MarketSpec(symbols=40, sessions=44, last_session=date(2026, 3, 31)))
    seen = {"simulated": compared(home, "simulated", deliveries(market), list(market.dates))}
    if DROPS.is_dir():
        days = [APART[0], *exchange.between(FIRST, LAST), APART[1]]
        seen["real"] = compared(home, "real", real(), days)
    Path(sys.argv[1]).write_text(json.dumps(seen), encoding="utf-8")


if __name__ == "__main__":
    main()
