"""Another security's bars under a symbol, in bulk and night by night. Real S3, HDFS and Spark; JSON of what was seen.

Forty symbols. The drop of session ``UNSEEN`` has no bars of the session before. From session ``WRONG`` on the vendor
tells a fifth of the price and a hundredth of the shares of one symbol, and that session's drop lacks its past.
"""

from __future__ import annotations

import gzip
import json
import os
import sys
from datetime import date
from pathlib import Path
from typing import Any

from pyspark.sql import functions as F  # noqa: N812 - the name the field uses

from afterbell.calendar.sessions import Exchange
from afterbell.config.runtime import Runtime
from afterbell.features.grid import SessionGrid
from afterbell.features.job import features
from afterbell.ingest.listing_releases import read_holds, release_listing
from afterbell.lake.commit import head as head_of
from afterbell.lake.listings import WRONG_LISTING
from afterbell.lake.scan import plan_files
from afterbell.lake.tables import CORPORATE_ACTIONS
from afterbell.simulation.feed import deliveries
from afterbell.simulation.layout import price_key
from afterbell.simulation.market import MarketSpec, simulate
from afterbell.stores.artifacts import ArtifactStore
from afterbell.stores.factory import drop_store
from afterbell.stores.upload import upload
from afterbell.training.collect import unseen_before_training
from tests.lakes import Lake

MARKET = simulate(MarketSpec(symbols=40, sessions=30, last_session=date(2026, 6, 30), faults=False))
DAYS = list(MARKET.dates)
UNSEEN, WRONG, LATER, RELEASED, LAST = 10, 20, 24, 28, 29


class World:
    """One market and its lake."""

    def __init__(self, home: Path, name: str) -> None:
        os.environ["AFTERBELL_FEED_BUCKET"] = os.environ["AFTERBELL_ARTIFACT_BUCKET"] = f"listings-{name}"
        os.environ["AFTERBELL_HDFS_ROOT"] = f"/listings-{name}"
        self.runtime = Runtime.from_env()
        self.store = ArtifactStore(self.runtime.s3)
        self.store.ensure_bucket()
        upload(deliveries(MARKET), self.runtime)
        self.prices = drop_store("s3", self.runtime)
        self.symbol = self._liquid()
        head, *rows = self.lines(UNSEEN)
        day = head.index("date")
        self.deliver([head, *(row for row in rows if row[day] == DAYS[UNSEEN].isoformat())], UNSEEN)
        for session in range(WRONG, LAST + 1):
            self._swap(session)
        self.lake = Lake(home, name)

    def lines(self, session: int) -> list[list[str]]:
        key = price_key(DAYS[session])
        body = self.prices.read(next(each for each in self.prices.list("prices/") if each.key == key))
        return [line.split(",") for line in gzip.decompress(body).decode().splitlines()]

    def _liquid(self) -> str:
        """Of the symbols that are there from the first session on the one with most dollars before the wrong ones."""
        old = {row[0] for row in self.lines(0)}
        head, *rows = self.lines(WRONG - 1)
        at = {name: head.index(name) for name in ("symbol", "close", "volume")}
        rows = [row for row in rows if row[0] in old]
        return max(rows, key=lambda row: float(row[at["close"]]) * float(row[at["volume"]]))[at["symbol"]]

    def _swap(self, session: int) -> None:
        head, *rows = self.lines(session)
        at = {name: place for place, name in enumerate(head)}
        kept = [head]
        for row in rows:
            if row[at["symbol"]] == self.symbol:
                if row[at["date"]] < DAYS[WRONG].isoformat():
                    continue
                for name in ("open", "high", "low", "close", "adj_close"):
                    row[at[name]] = f"{float(row[at[name]]) / 5:.4f}"
                row[at["volume"]] = str(max(1, int(float(row[at["volume"]]) / 100)))
            kept.append(row)
        self.deliver(kept, session)

    def deliver(self, rows: list[list[str]], session: int) -> None:
        text = "\n".join(",".join(row) for row in rows)
        self.prices.put(price_key(DAYS[session]), gzip.compress(text.encode(), mtime=0))

    def files(self) -> dict[str, int]:
        """Files of corporate actions: those that may name a listing, and all."""
        at = head_of(self.lake.spark, CORPORATE_ACTIONS)
        named = plan_files(self.lake.spark, CORPORATE_ACTIONS, at, "kind", WRONG_LISTING, WRONG_LISTING)
        return {"named": len(named), "all": len(plan_files(self.lake.spark, CORPORATE_ACTIONS, at))}

    def unseen(self) -> list[str]:
        """The sessions that a training of session ``LATER`` takes for unseen."""
        exchange = Exchange()
        grid = SessionGrid.of(exchange, DAYS[: LATER + 1])
        found = unseen_before_training(self.lake.spark, self.lake.runtime.s3, exchange, grid)
        return sorted(day.isoformat() for day in found)

    def night(self, session: int) -> dict[str, Any]:
        found = self.lake.run(DAYS[session], f"night{session}")
        if "error" in found:
            return {"error": found["error"]}
        result = found["validate"]
        snapshots = {name: result[name] for name in ("bars_snapshot", "actions_snapshot", "filings_snapshot")}
        made = features(
            self.lake.args("features", DAYS[session], f"features{session}", factor_sets=["core"], **snapshots)
        )
        report = json.loads(self.store.get(result["quality_report"]))
        return {"error": "", "features": made.sessions, "held": report["held"]["rows"]}

    def rows(self) -> list[list[Any]]:
        sql = "SELECT symbol, cast(ex_session AS string), basis, cast(knowledge_time AS string), close_before, close "
        sql += "FROM lake.market.corporate_actions WHERE kind = 'wrong_listing' ORDER BY 4, 1, 2"
        return [list(row) for row in self.lake.spark.sql(sql).collect()]

    def sessions(self, table: str) -> list[str]:
        rows = self.lake.spark.table(f"lake.{table}").where(F.col("symbol") == self.symbol)
        return sorted({row["session"].isoformat() for row in rows.select("session").collect()})


def main() -> None:
    home = Path(sys.argv[1]).parent
    seen: dict[str, Any] = {"days": [day.isoformat() for day in DAYS]}
    bulk = World(home, "bulk")
    seen |= {"symbol": bulk.symbol, "bulk": bulk.night(LATER), "bulk_rows": bulk.rows()}
    nightly = World(home, "nightly")
    seen["nights"] = [nightly.night(session) for session in (WRONG - 1, WRONG, LATER)]
    seen |= {"night_rows": nightly.rows(), "files": nightly.files(), "unseen": nightly.unseen()}
    seen |= {"bars": nightly.sessions("market.bars"), "features": nightly.sessions("features.core")}
    open_holds = {(row["symbol"], row["ex_session"]) for row in read_holds(nightly.lake.runtime)}
    release_listing(nightly.store, open_holds, nightly.symbol, DAYS[WRONG], "ann", "a new listing")
    seen["released"] = nightly.night(RELEASED)
    seen |= {"released_rows": nightly.rows(), "open": len(read_holds(nightly.lake.runtime))}
    Path(sys.argv[1]).write_text(json.dumps(seen), encoding="utf-8")


if __name__ == "__main__":
    main()
