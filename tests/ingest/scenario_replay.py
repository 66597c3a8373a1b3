"""The same drops in one run and session by session, into two lakes; writes how the tables compare as JSON.

Published without an audit: what is compared is what ingest makes of the drops.
"""

from __future__ import annotations

import json
import os
import sys
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
from afterbell.stores.protocols import Delivery
from afterbell.stores.upload import upload
from bench.lakes import Lake, differences
from tests.real_drops import DROPS, delivered_on, delivery, paths

# A drop delivered three times over, forty-six sessions with a holiday's drop among them, and one taken too early.
FIRST, LAST = date(2015, 6, 15), date(2015, 8, 20)
APART = (date(2015, 4, 6), date(2015, 11, 17))
ALWAYS = {b"SBUX", b"NFLX", b"NKE", b"AAPL"}
"""Some that had splits."""
ONE_IN = 30


def real() -> Iterable[Delivery]:
    for kind, path in paths():
        day = delivered_on(path)
        if FIRST <= day <= LAST or day in APART:
            yield delivery(kind, path, ONE_IN, ALWAYS)


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
