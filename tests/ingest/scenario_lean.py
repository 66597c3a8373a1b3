"""Lean's daily and minute bars, read by the YAML of the manual alone: at once, night by night, and with wrong scales.

Real S3, Spark and Iceberg. The market is made here: prices by hand, times a small change each session.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

from afterbell.calendar.sessions import Exchange
from afterbell.config.runtime import Runtime
from afterbell.ingest.refusals import read_refusals, release
from afterbell.stores.artifacts import ArtifactStore
from afterbell.stores.factory import drop_store
from tests.ingest.lean import daily_key, daily_zip, minute_key, minute_zip, zipped
from tests.lakes import Lake

HERE = Path(__file__).resolve().parent
CONFIG = HERE.parents[1] / "include" / "config"
SESSIONS = Exchange().between(date(2013, 8, 26), date(2013, 10, 4))
NIGHTS = SESSIONS[-4:]
CLOSES = {"aapl": 4_842_000, "bac": 141_200, "brk.a": 1_704_500_000, "ibm": 1_864_000, "spy": 1_695_500}
"""In ten-thousandths of a dollar. The A shares of Berkshire cost 170,450 dollars."""
SPLIT, SPLIT_DAY = "bac", SESSIONS[-3]
"""Two for one: half the price and twice the shares from that session on."""
SCALE = ", scale: 0.0001"
TABLES = ("market.bars", "market.corporate_actions", "market.minute_bars", "market.quarantine", "raw.drops")


def bars(symbol: str, sessions: Sequence[date]) -> list[tuple[date, int, int, int, int, int]]:
    found = []
    for day in sessions:
        number = SESSIONS.index(day)
        close = CLOSES[symbol] + (CLOSES[symbol] // 1000) * (number % 7)
        shares = 1_000_000 + 1_000 * (number % 5)
        if symbol == SPLIT and day >= SPLIT_DAY:
            close, shares = close // 2, 2 * shares
        found.append((day, close - 100, close + 200, close - 300, close, shares))
    return found


def deliver_daily(runtime: Runtime, until: date, symbols: Sequence[str] = tuple(CLOSES)) -> None:
    feed = drop_store("s3", runtime)
    feed.ensure()
    for symbol in symbols:
        feed.put(daily_key(symbol), daily_zip(symbol, bars(symbol, [day for day in SESSIONS if day <= until])))


def deliver_minutes(runtime: Runtime, day: date) -> None:
    feed = drop_store("s3", runtime)
    for symbol, close in (("aapl", 4_842_000), ("ibm", 1_864_000)):
        minutes = [(34_200_000 + 60_000 * n, close, close + 50, close - 50, close + 10 * n, 100) for n in range(3)]
        feed.put(minute_key(symbol, day), minute_zip(symbol, day, minutes))
        feed.put(minute_key(symbol, day, "quote"), zipped({"x.csv": "34200000,1,1,1,1,1,1,1,1,1,1"}))


@contextmanager
def config(home: Path, name: str, scale: str = SCALE, minutes_scale: str = SCALE) -> Iterator[None]:
    """The sources of Lean alone, with their scale or another one."""
    folder = home / f"config-{name}"
    shutil.copytree(CONFIG, folder, ignore=shutil.ignore_patterns("us_daily_*"))
    for source, given in (("lean_daily", scale), ("lean_minutes", minutes_scale)):
        text = (HERE.parent / "sources" / f"{source}.yaml").read_text(encoding="utf-8")
        (folder / "sources" / f"{source}.yaml").write_text(text.replace(SCALE, given), encoding="utf-8")
    os.environ["AFTERBELL_CONFIG"] = str(folder)
    yield


def opened(home: Path, name: str) -> Lake:
    os.environ["AFTERBELL_FEED_BUCKET"] = os.environ["AFTERBELL_ARTIFACT_BUCKET"] = f"lean-{name}"
    lake = Lake(home, name)
    ArtifactStore(lake.runtime.s3).ensure_bucket()
    return lake


def content(lake: Lake) -> dict[str, Any]:
    return {table: [row.asDict() for row in lake.spark.table(f"lake.{table}").collect()] for table in TABLES}


def at_once(home: Path) -> dict[str, Any]:
    lake = opened(home, "once")
    deliver_daily(lake.runtime, NIGHTS[-1])
    deliver_minutes(lake.runtime, NIGHTS[-1])
    run = lake.run(NIGHTS[-1], "all")
    found = {"run": run, "tables": content(lake)}
    found["again"] = lake.run(NIGHTS[-1], "again")
    return found


def night_by_night(home: Path) -> dict[str, Any]:
    lake = opened(home, "nightly")
    runs = []
    for number, day in enumerate(NIGHTS):
        deliver_daily(lake.runtime, day)
        runs.append(lake.run(day, f"night{number}"))
    return {"runs": runs, "tables": content(lake)}


def replayed(home: Path) -> dict[str, Any]:
    """Each night on its own, while the objects have all sessions already; the last night's object restates a bar."""
    lake = opened(home, "replay")
    deliver_daily(lake.runtime, NIGHTS[-1])
    runs = [lake.run(day, f"replay{number}") for number, day in enumerate(NIGHTS)]
    before = content(lake)
    rows = bars("aapl", SESSIONS)
    restated = rows[4]
    rows[4] = (*restated[:4], restated[4] + 100, restated[5])
    drop_store("s3", lake.runtime).put(daily_key("aapl"), daily_zip("aapl", rows))
    runs.append(lake.run(NIGHTS[-1], "restated"))
    return {"runs": runs, "tables": before, "after": content(lake), "restated": str(restated[0])}


def wrong_scales(home: Path) -> dict[str, Any]:
    found: dict[str, Any] = {}
    lake = opened(home, "wrong")
    deliver_daily(lake.runtime, NIGHTS[-2], ("aapl", "ibm", "spy"))
    for name, scale in (("forgotten", ""), ("hundredths", ", scale: 0.01"), ("millionths", ", scale: 0.00000001")):
        with config(home, name, scale):
            found[name] = lake.run(NIGHTS[-2], name)
    with config(home, "right"):
        found["right"] = lake.run(NIGHTS[-2], "right")
    deliver_daily(lake.runtime, NIGHTS[-1], ("aapl", "ibm", "spy"))
    with config(home, "later", ", scale: 0.01"):
        found["later"] = lake.run(NIGHTS[-1], "later")
    deliver_minutes(lake.runtime, NIGHTS[-1])
    with config(home, "minutes", minutes_scale=""):
        found["minutes"] = lake.run(NIGHTS[-1], "minutes")
    found["tables"] = content(lake)
    return found | one_of_many(home, lake)


def one_of_many(home: Path, lake: Lake) -> dict[str, Any]:
    """One symbol's object comes in other units; then a person lets it in."""
    drop_store("s3", lake.runtime).put(
        daily_key("spy"), daily_zip("spy", [(day, *(10_000 * each for each in rest)) for day, *rest in spy()])
    )
    for symbol, close in (("aapl", 48_420_000_000), ("ibm", 18_640_000_000)):
        minutes = [(34_200_000, close, close, close, close, 1)]
        drop_store("s3", lake.runtime).put(minute_key(symbol, NIGHTS[-2]), minute_zip(symbol, NIGHTS[-2], minutes))
    with config(home, "one"):
        # Not audited: of three symbols one is more than the rules let go missing.
        first = lake.ingest(NIGHTS[-1], "one")
        held = [each.refusal for each in read_refusals(ArtifactStore(lake.runtime.s3))]
        (moved,) = [each.id for each in held if each.source == "lean_daily"]
        release(ArtifactStore(lake.runtime.s3), moved, "ann@desk", "they moved to another unit")
        second = lake.run(NIGHTS[-1], "released")
    newest = [row for row in content(lake)["market.bars"] if str(row["session"]) == str(NIGHTS[-1])]
    return {"one": first, "held": [each.key for each in held], "released": second, "newest": newest}


def spy() -> list[tuple[date, int, int, int, int, int]]:
    return bars("spy", SESSIONS)


def main() -> None:
    home = Path(sys.argv[1]).parent
    with config(home, "manual"):
        seen = {"once": at_once(home), "nightly": night_by_night(home), "replay": replayed(home)}
    seen["wrong"] = wrong_scales(home)
    Path(sys.argv[1]).write_text(json.dumps(seen, default=str), encoding="utf-8")


if __name__ == "__main__":
    main()
