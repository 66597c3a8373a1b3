"""A session's steps, with S3 away in the middle of each, then with the warehouse's disk full in each; JSON of it.

S3 is a real one behind a proxy that resets connections. The warehouse is a small file system of its own, filled up by a
file. No time is measured: an outage lasts for a number of requests, the disk is full until the step has failed.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow.fs as pafs
from pyspark.sql import SparkSession

from afterbell.embedded.ports import free_port
from afterbell.lake.outage import outage_of
from afterbell.run.steps import STEPS
from afterbell.stores import retry
from tests.faults.proxy import FOR_EVER, Proxy, Reset
from tests.runbook.world import FIRST, SECOND, World
from tests.small_disk import full, small_disk

REQUESTS = 8
"""More than the six tries that a request had before a step waited."""
MARKS = "/active/"


def s3_away(world: World, proxy: Proxy) -> dict[str, Any]:
    """One run; in each step S3 is away from its second request on."""
    run, seen = world.open(FIRST, "away"), {}
    for step in STEPS:
        before = len(proxy.script.requests)
        proxy.on(f"^(?!.*{MARKS})", Reset(), times=REQUESTS, skip=1)
        proxy.on(MARKS, Reset(), times=FOR_EVER)
        errors = []
        while (error := world.step(run, step)) and len(errors) < 3:
            errors.append(error)
        left = sum(rule.times for rule in proxy.script.rules if MARKS not in rule.pattern or "(?!" in rule.pattern)
        seen[step] = {"errors": errors, "last": error, "left": left, "asked": len(proxy.script.requests) - before}
        proxy.script.rules.clear()
        if error:
            break
    return seen


def disk_full(world: World) -> dict[str, Any]:
    """The next session; the disk is full when each step begins, and has room when it is tried again."""
    run, seen = world.open(SECOND, "full"), {}
    warehouse = world.home / "warehouse"
    for step in STEPS:
        before = heads(world)
        with full(warehouse):
            first = world.step(run, step)
        moved = [name for name, head in heads(world).items() if first and before.get(name, head) != head]
        again = world.step(run, step) if first else ""
        seen[step] = {"full": first, "again": again, "moved": moved}
        if again:
            break
    broken = [str(path) for path in warehouse.rglob("*.parquet") if path.read_bytes()[-4:] != b"PAR1"]
    return seen | {"broken_files": broken}


def heads(world: World) -> dict[str, int]:
    """The rows of each table's ``main``: what anybody reads."""
    return {name: count for name, count in world.rows().items() if name != "twice"}


def words() -> dict[str, str]:
    """What Spark and PyArrow really say of an S3 where nobody listens."""
    nobody = f"http://127.0.0.1:{free_port()}"
    spark = SparkSession.active()
    conf = spark.sparkContext._jsc.hadoopConfiguration()
    for name, value in {
        "endpoint": nobody,
        "attempts.maximum": "1",
        "retry.limit": "1",
        "impl.disable.cache": "true",
    }.items():
        conf.set(f"fs.s3a.{name}", value)
    arrow = pafs.S3FileSystem(region="us-east-1", endpoint_override=nobody, scheme="http", connect_timeout=1)
    said = {}
    for name, ask in {
        "spark": lambda: spark.read.parquet("s3a://nowhere/x").count(),
        "arrow": lambda: arrow.open_input_file("nowhere/x"),
    }.items():
        try:
            ask()
        except Exception as error:  # noqa: BLE001 - what it is, is the question
            found = outage_of(error)
            said[name] = f"{type(found).__name__}: {found}"
    return said


def main() -> None:
    home = Path(sys.argv[1]).parent
    retry.time = SimpleNamespace(sleep=lambda _: None)  # type: ignore[assignment]
    with small_disk(home / "warehouse", 48), Proxy(os.environ["AFTERBELL_S3_ENDPOINT"]) as proxy:
        world = World(home, "outage", s3=proxy.url)
        seen: dict[str, Any] = {"away": s3_away(world, proxy), "first": world.champion()}
        seen["full"] = disk_full(world)
        seen |= {"second": world.champion(), "rows": world.rows()}
        seen["signals"] = {day.isoformat(): world.signals(day) for day in (FIRST, SECOND)}
        seen["words"] = words()
        SparkSession.active().stop()
    Path(sys.argv[1]).write_text(json.dumps(seen), encoding="utf-8")


if __name__ == "__main__":
    main()
