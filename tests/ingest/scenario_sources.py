"""Three vendors at once, told by their YAML files alone: CSV under other names, Parquet in parts, minute bars.

Real S3, HDFS, Spark and Iceberg. Writes what the lake holds after each of two sessions as JSON.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import shutil
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa

from afterbell.config.runtime import Runtime
from afterbell.ingest.job import ingest
from afterbell.lake.spark import lake_session
from afterbell.quality.job import validate
from afterbell.stores.factory import drop_store
from tests.steps import call_step, step_args

HERE = Path(__file__).resolve().parent
CONFIG = HERE.parents[1] / "include" / "config"
DAYS = (date(2016, 6, 29), date(2016, 6, 30))
VENDOR = ("GOOG", "MSFT")
SPLIT = {
    DAYS[0]: "SPLT;06/29/2016;99.50;100.50;99.00;100.00;1000000;N",
    DAYS[1]: "SPLT;06/30/2016;50.00;50.60;49.90;50.20;2050000;N",
}
"""Two for one, which a drop of one session can't show: only the lake has the session before."""
PARTS = (("AAPL", "IBM"), ("XOM",))


def vendor(day: date) -> bytes:
    """CSV with semicolons, US dates and a column that nobody declared, zstd."""
    lines = [f"{symbol};{day:%m/%d/%Y};10.00;11.00;9.50;10.{day.day};{day.day}00;N" for symbol in VENDOR]
    text = "\n".join(["Ticker;TradeDate;PxOpen;PxHigh;PxLow;PxLast;Shares;Flag", *lines, SPLIT[day]])
    packed: bytes = pa.Codec("zstd").compress(text.encode(), asbytes=True)
    return packed


def part(day: date, symbols: tuple[str, ...]) -> bytes:
    buffer = io.BytesIO()
    prices = {"o": 20.0, "h": 21.0, "l": 19.0, "c": 20 + day.day / 100, "v": 1000 + day.day}
    pl.DataFrame([{"sym": symbol, "day": day, **prices} for symbol in symbols]).write_parquet(buffer)
    return buffer.getvalue()


def minutes(day: date) -> bytes:
    """Two minutes in New York's time, one after the close, and one whose low is above its high."""
    rows = [
        f"AAPL,{day} 09:30:00,94.44,94.50,94.40,94.45,1200",
        f"AAPL,{day} 15:59:00,94.60,94.70,94.50,94.65,900",
        f"AAPL,{day} 16:00:00,94.60,94.70,94.50,94.65,900",
        f"AAPL,{day} 10:00:00,94.60,94.50,94.70,94.60,900",
    ]
    return gzip.compress("\n".join(["symbol,minute,open,high,low,close,volume", *rows]).encode())


def deliver(runtime: Runtime, day: date) -> None:
    s3, hdfs = drop_store("s3", runtime), drop_store("hdfs", runtime)
    for store in (s3, hdfs):
        store.ensure()
    name = f"vendor/eod/bars_{day}.txt.zst"
    s3.put(name, vendor(day))
    s3.put(f"{name}.done", b"ok")
    s3.put(f"minutes/{day:%Y%m%d}.csv.gz", minutes(day))
    for number, symbols in enumerate(PARTS):
        hdfs.put(f"lake/bars/dt={day}/part-{number:04d}.parquet", part(day, symbols))
    hdfs.put(f"lake/bars/dt={day}/_SUCCESS", b"")


def main() -> None:
    home = Path(sys.argv[1]).parent
    os.environ["AFTERBELL_FEED_BUCKET"] = "other-sources"
    os.environ["AFTERBELL_HDFS_ROOT"] += "/other-sources"
    os.environ["AFTERBELL_CONFIG"] = str(home / "config")
    shutil.copytree(CONFIG, home / "config", ignore=shutil.ignore_patterns("us_daily_*"))
    for file in (HERE.parent / "sources").glob("*.yaml"):
        (home / "config" / "sources" / file.name).write_text(
            # What settles is waited for elsewhere.
            file.read_text(encoding="utf-8").replace("{rule: settled, seconds: 60}", "{rule: atomic}"),
            encoding="utf-8",
        )
    runtime = Runtime.from_env()
    spark = lake_session(runtime, "other sources")
    seen: dict[str, Any] = {}
    for day in DAYS:
        deliver(runtime, day)
        step = step_args("ingest", day, f"other_{day:%Y%m%d}", datetime.now(UTC) + timedelta(hours=1), {})
        first = call_step(ingest, step)
        checked = call_step(validate, step_args("validate", day, step.run_id, step.deadline, first))
        seen[str(day)] = {"ingest": first, "validate": checked}
    for table in ("market.bars", "market.corporate_actions", "market.minute_bars", "market.quarantine", "raw.drops"):
        seen[table] = [row.asDict() for row in spark.table(f"lake.{table}").collect()]
    Path(sys.argv[1]).write_text(json.dumps(seen, default=str), encoding="utf-8")


if __name__ == "__main__":
    main()
