"""Ingest and validate a faulty market against real S3, HDFS and Spark; writes what it saw as JSON.

All drops in one run; a second run through a proxy whose S3 is slow and changes under the reader's hands; then, on a
lake of its own, one drop after another that must stop the run and leave nothing behind.
"""

from __future__ import annotations

import gzip
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from afterbell.config.loader import config_folder
from afterbell.config.runtime import Runtime
from afterbell.stores.artifacts import ArtifactStore
from afterbell.stores.factory import drop_store
from afterbell.stores.s3 import S3DropStore
from tests import lakes
from tests.faults import half_day, market
from tests.faults.conftest import SLOW_DOWN
from tests.faults.proxy import FOR_EVER, Answer, Cut, Pass, Proxy, Reset

ARCHIVED = b"<Error><Code>InvalidObjectState</Code><Message>The operation is not valid.</Message></Error>"
EARLY, OLD, ODD = "prices/1800/18000102.csv.gz", "prices/2015/20151231.csv.gz", "2015%20old"
REPORT = market.reports_key(1)
TABLES = ("raw.drops", "market.bars", "market.corporate_actions", "market.symbols", "market.quarantine")


class Lake(lakes.Lake):
    def heads(self) -> dict[str, int]:
        try:
            return super().heads()
        except Exception as error:  # noqa: BLE001 - before the first run there is no table, and nothing to compare
            return {type(error).__name__: 0}

    def rows(self, table: str) -> list[dict[str, Any]]:
        # Instants travel as text in UTC: collect() would make naive local times of them.
        self.spark.conf.set("spark.sql.session.timeZone", "UTC")
        frame = self.spark.table(f"lake.{table}")
        columns = [f"cast(`{name}` as string)" if kind == "timestamp" else f"`{name}`" for name, kind in frame.dtypes]
        return [dict(zip(frame.columns, row, strict=True)) for row in frame.selectExpr(*columns).collect()]


def report_of(run: dict[str, Any]) -> dict[str, Any]:
    """The quality report that a run left; nothing where it was stopped before."""
    if "error" in run:
        return {}
    found: dict[str, Any] = json.loads(ArtifactStore(Runtime.from_env().s3).get(run["validate"]["quality_report"]))
    return found


class Scenario:
    def __init__(self, home: Path) -> None:
        self.home = home
        os.environ["AFTERBELL_HDFS_ROOT"] += "/faults-content"
        self.feed("faults-content")
        hdfs = drop_store("hdfs", Runtime.from_env())
        hdfs.ensure()
        self.hdfs = hdfs
        for (store, key), body in market.deliveries().items():
            (self.s3 if store == "s3" else hdfs).put(key, body)

    def feed(self, bucket: str) -> None:
        os.environ["AFTERBELL_FEED_BUCKET"] = bucket
        self.s3 = S3DropStore(Runtime.from_env().s3)
        self.s3.ensure()

    @contextmanager
    def asked_through_a_proxy(self) -> Iterator[Proxy]:
        with Proxy(os.environ["AFTERBELL_S3_ENDPOINT"]) as proxy:
            os.environ["AFTERBELL_S3_ENDPOINT"] = proxy.url
            yield proxy
            os.environ["AFTERBELL_S3_ENDPOINT"] = f"http://{proxy.upstream}"

    def bulk(self, lake: Lake) -> dict[str, Any]:
        """All drops at once, and beside them objects that are none: they must stop nothing."""
        for key in (EARLY, OLD):
            self.s3.put(key, market.packed(market.whole(1)))
        self.hdfs._call("PUT", "MKDIRS", f"{os.environ['AFTERBELL_HDFS_ROOT']}/reports/{ODD}")
        with self.asked_through_a_proxy() as proxy:
            proxy.on(f"^GET .*{OLD}", Answer(403, ARCHIVED), times=FOR_EVER)
            run = lake.run(market.day(market.LAST), "bulk")
            before = lake.heads()
            archived = lake.run(market.day(market.LAST), "archived") | {"unmoved": before == lake.heads()}
        for key in (EARLY, OLD):
            self.s3._bucket.client.delete_object(Bucket=self.s3.bucket, Key=key)
        return {
            "run": run,
            "still archived": archived,
            "tables": {table: lake.rows(table) for table in TABLES},
            "report": report_of(run),
        }

    def second(self, lake: Lake) -> dict[str, Any]:
        """A new session, an old drop with other bytes, one with the same bytes; S3 is slow and the new drop changes."""
        at = market.LAST + 1
        told = {market.row("S50", 5, 5): market.bar("S50", 5, 71.5, 6050)}
        changed = [told.get(line, line) for line in market.whole(5)]
        self.s3.put(market.prices_key(5), market.packed(changed))
        self.hdfs.put(REPORT, market.deliveries()["hdfs", REPORT])
        thin, whole = (market.packed([market.HEADER, *market.rows(at, names)]) for names in (["S00"], market.SYMBOLS))
        key = market.prices_key(at)
        self.s3.put(key, thin)
        before = lake.heads()
        with Proxy(os.environ["AFTERBELL_S3_ENDPOINT"]) as proxy:
            direct = self.s3
            proxy.on(f"^GET .*{key}", Pass(before=lambda: direct.put(key, whole)))
            proxy.on("^GET .*prices/2016", Answer(503, SLOW_DOWN), times=2)
            proxy.on("^GET .*prices/2016", Reset())
            proxy.on("^GET .*prices/2016", Cut(100))
            os.environ["AFTERBELL_S3_ENDPOINT"] = proxy.url
            tries: list[dict[str, Any]] = []
            while not tries or ("ObjectChangedError" in tries[-1].get("error", "") and len(tries) < 3):
                tries.append(lake.run(market.day(at), f"second{len(tries)}"))
            os.environ["AFTERBELL_S3_ENDPOINT"] = f"http://{proxy.upstream}"
            requests = len(proxy.script.matching("^GET .*prices/2016"))
        heads = lake.heads()
        again = lake.run(market.day(at), "again")
        return {
            "tries": tries,
            "requests": requests,
            "again": again,
            "moved": heads != before,
            "unmoved_by_again": heads == lake.heads(),
            "tables": {table: lake.rows(table) for table in ("raw.drops", "market.bars")},
        }

    def refused_later(self, lake: Lake) -> dict[str, Any]:
        """Sessions that must not be published: too few symbols, then too many lines set aside."""
        at = market.LAST + 2
        bad = [f"X{n},{market.day(at)},N/A,1.00,1.00,1.00,1,1.00" for n in range(30)]
        seen = {}
        for name, lines in (
            ("thin", [market.HEADER, *market.rows(at, market.SYMBOLS[:50])]),
            ("rubbish", market.whole(at) + bad),
        ):
            self.s3.put(market.prices_key(at), market.packed(lines))
            before = lake.heads()
            seen[name] = lake.run(market.day(at), name) | {"unmoved": before == lake.heads()}
        return seen

    def stops(self) -> dict[str, Any]:
        """One drop of session 1 after another, each of which must stop its run."""
        self.feed("faults-single")
        lake = Lake(self.home, "stops")
        self.s3.put(market.prices_key(0), market.packed(market.whole(0)))
        seen = {"no drop": self.stopped(lake, None)}
        for name, body in self.unreadable().items():
            seen[name] = self.stopped(lake, body)
        good = market.packed(market.whole(1))
        seen["beyond the calendar"] = lake.run(date(2190, 1, 4), "beyond")
        with self.asked_through_a_proxy() as proxy:
            proxy.on(f"^GET .*{market.prices_key(1)}", Answer(403, ARCHIVED), times=FOR_EVER)
            seen["archived"] = self.stopped(lake, good)
        seen["no session"] = lake.run(market.HOLIDAY, "holiday")
        self.allow_more_columns()
        allowed = self.stopped(lake, self.unreadable()["column added"])
        (line,) = [row for row in lake.rows("raw.drops") if row["key"] == market.prices_key(1)]
        seen["added, allowed"] = allowed | {"reason": line["reason"]}
        return seen

    def half_day(self) -> dict[str, Any]:
        """Sessions up to a half day at once, the half day, and the full day after it."""
        lake = Lake(self.home, "half_day")
        for at in range(len(half_day.DAYS)):
            self.s3.put(*half_day.prices(at))
        seen = {}
        for name, at in (("before", half_day.BEFORE), ("half_day", half_day.HALF_DAY), ("monday", half_day.MONDAY)):
            run = lake.run(half_day.DAYS[at], name)
            seen[name] = run | {"report": report_of(run)}
        return seen

    def unreadable(self) -> dict[str, bytes]:
        lines = market.whole(1)
        body = market.packed(lines)
        renamed, text = market.HEADER.replace("volume", "shares"), "\n".join(lines)
        words = [",".join([*line.split(",")[:6], "many", line.split(",")[7]]) for line in lines[1:]]
        return {
            "zero bytes": b"",
            "header only": market.packed([market.HEADER]),
            "cut short": body[: len(body) // 2],
            "bomb": market.bomb(),
            "page": b"<!DOCTYPE html><html><title>503 Service Unavailable</title></html>",
            "column gone": market.packed([",".join(line.split(",")[:-1]) for line in lines]),
            "column renamed": market.packed([renamed, *lines[1:]]),
            "column of words": market.packed([market.HEADER, *words]),
            "column added": market.packed([f"{market.HEADER},venue", *(f"{line},N" for line in lines[1:])]),
            "utf-16": gzip.compress(text.encode("utf-16"), mtime=0),
        }

    def stopped(self, lake: Lake, body: bytes | None) -> dict[str, Any]:
        if body is not None:
            self.s3.put(market.prices_key(1), body)
        before = lake.heads()
        found = lake.run(market.day(1), f"r{datetime.now(UTC):%H%M%S%f}")
        return found | {"unmoved": before == lake.heads() or len(before) == 1}

    def allow_more_columns(self) -> None:
        folder = self.home / "config"
        shutil.copytree(config_folder(), folder)
        path = folder / "sources" / "us_daily_prices.yaml"
        text = path.read_text(encoding="utf-8").replace(
            "  encoding: utf-8\n", "  encoding: utf-8\n  extra_columns: warn\n"
        )
        path.write_text(text, encoding="utf-8")
        os.environ["AFTERBELL_CONFIG"] = str(folder)


def main() -> None:
    scenario = Scenario(Path(sys.argv[1]).parent)
    lake = Lake(scenario.home, "content")
    seen: dict[str, Any] = {}
    parts: dict[str, Callable[[], dict[str, Any]]] = {
        "bulk": lambda: scenario.bulk(lake),
        "second": lambda: scenario.second(lake),
        "later": lambda: scenario.refused_later(lake),
        "stops": scenario.stops,
        "half_day": scenario.half_day,  # after the others: what it delivers is older than theirs
    }
    for name, part in parts.items():
        began = time.monotonic()
        seen[name] = part()
        seen[name]["seconds"] = round(time.monotonic() - began, 1)
    Path(sys.argv[1]).write_text(json.dumps(seen, default=str), encoding="utf-8")


if __name__ == "__main__":
    main()
