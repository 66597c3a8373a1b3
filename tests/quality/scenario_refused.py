"""Sessions that break rules about whole sessions, night after night. Real S3, HDFS and Spark; JSON of what was seen.

Forty symbols; each case is a market (bucket, HDFS root and lake) of its own, in which one session's drop is bad.
"""

from __future__ import annotations

import gzip
import json
import os
import sys
from datetime import date
from pathlib import Path
from typing import Any

from afterbell.config.runtime import Runtime
from afterbell.ingest.job import ingest
from afterbell.ingest.refusals import read_refusals, release
from afterbell.quality.job import validate
from afterbell.simulation.feed import deliveries
from afterbell.simulation.layout import price_key
from afterbell.simulation.market import MarketSpec, simulate
from afterbell.stores.artifacts import ArtifactStore
from afterbell.stores.factory import drop_store
from afterbell.stores.upload import upload
from tests.lakes import Lake

MARKET = simulate(MarketSpec(symbols=40, sessions=30, last_session=date(2026, 6, 30), faults=False))
DAYS = list(MARKET.dates)
BAD, NEXT, LAST = 27, 28, 29


def packed(lines: list[str]) -> bytes:
    return gzip.compress("\n".join(lines).encode(), mtime=0)


class World:
    """One market and its lake; the drop of session ``BAD`` is thin, full of rubbish, or late as well."""

    def __init__(self, home: Path, name: str, *, carried: bool = False) -> None:
        """``carried``: the next session's drop has the bars of session ``BAD`` as well, as the vendor's do."""
        os.environ["AFTERBELL_FEED_BUCKET"] = os.environ["AFTERBELL_ARTIFACT_BUCKET"] = f"refused-{name}"
        os.environ["AFTERBELL_HDFS_ROOT"] = f"/refused-{name}"
        self.runtime = Runtime.from_env()
        self.store = ArtifactStore(self.runtime.s3)
        self.store.ensure_bucket()
        upload(deliveries(MARKET), self.runtime)
        self.prices = drop_store("s3", self.runtime)
        self.good = self.body(BAD)
        if not carried:
            head, *lines = gzip.decompress(self.body(NEXT)).decode().splitlines()
            self.deliver(packed([head, *(line for line in lines if DAYS[BAD].isoformat() not in line)]), NEXT)
        self.lake = Lake(home, name)

    def body(self, session: int) -> bytes:
        key = price_key(DAYS[session])
        return self.prices.read(next(each for each in self.prices.list("prices/") if each.key == key))

    def deliver(self, body: bytes, session: int = BAD) -> None:
        self.prices.put(price_key(DAYS[session]), body)

    def thin(self) -> bytes:
        """A third of the symbols."""
        lines = gzip.decompress(self.good).decode().splitlines()
        return packed(lines[: len(lines) // 3])

    def night(self, session: int, run: str) -> dict[str, Any]:
        found = self.lake.run(DAYS[session], run)
        return {
            "error": found.get("error", ""),
            "warnings": found.get("validate", {}).get("warnings", []),
            "refused": [
                drop for drop in found.get("ingest", {}).get("refused_drops", []) if drop["key"].startswith("prices/")
            ],
            "symbols": self.symbols(),
        }

    def symbols(self) -> dict[str, int]:
        """Symbols by session, of the last four."""
        sql = "SELECT cast(session AS string), count(DISTINCT symbol) FROM lake.market.bars GROUP BY 1 ORDER BY 1"
        return dict([tuple(row) for row in self.lake.spark.sql(sql).collect()][-4:])

    def bars(self) -> list[list[Any]]:
        """All bars from the session before the bad one on, as text."""
        sql = "SELECT cast(session AS string), symbol, close, volume, cast(knowledge_time AS string), revision "
        sql += f"FROM lake.market.bars WHERE session >= '{DAYS[BAD - 1]}' ORDER BY 1, 2, 6"
        return [list(row) for row in self.lake.spark.sql(sql).collect()]

    def ids(self) -> list[str]:
        return [held.refusal.id for held in read_refusals(self.store)]


def laundered(home: Path) -> dict[str, Any]:
    """A thin session fails on its night; the next nights go on without it, until a person lets it in."""
    world = World(home, "laundered")
    seen = {"before": world.night(BAD - 1, "before")}
    world.deliver(world.thin())
    seen["own"] = world.night(BAD, "own")
    seen["again"] = world.night(BAD, "again")
    seen["next"] = world.night(NEXT, "next")
    (refusal,) = world.ids()
    release(world.store, refusal, "ann@desk", "the exchange was down half the day")
    seen["released"] = world.night(LAST, "last")
    return seen | {"id": refusal}


def late(home: Path) -> dict[str, Any]:
    """A thin drop that came too late for its own night is refused by the next one, which goes on."""
    world = World(home, "late")
    seen = {"before": world.night(BAD - 1, "before")}
    world.deliver(world.thin())
    seen["next"] = world.night(NEXT, "next")
    world.deliver(world.good)
    seen["redelivered"] = world.night(LAST, "last")
    return seen


def rubbish(home: Path) -> dict[str, Any]:
    """A drop over its source's budget of lines set aside stops its own night and no other."""
    world = World(home, "rubbish")
    seen = {"before": world.night(BAD - 1, "before")}
    lines = gzip.decompress(world.good).decode().splitlines()
    bad = [line.replace(line.split(",")[2], "N/A") if at % 3 == 1 else line for at, line in enumerate(lines)]
    world.deliver(packed(bad))
    seen["own"] = world.night(BAD, "own")
    seen["next"] = world.night(NEXT, "next")
    return seen


def filled(home: Path) -> dict[str, Any]:
    """A first run over all history names the bad session; a range that is filled leaves it out."""
    world = World(home, "filled")
    world.deliver(world.thin())
    found = {"bulk": world.night(LAST, "bulk"), "refused": world.ids()}
    world = World(home, "range")
    world.deliver(world.thin())
    span = {"since": DAYS[5].isoformat(), "until": DAYS[LAST].isoformat()}
    branch = ingest(world.lake.args("ingest", DAYS[LAST], "range", **span)).branch
    validate(world.lake.args("validate", DAYS[LAST], "range", branch=branch, **span))
    return found | {"range": world.symbols(), "kept": [held.refusal.key for held in read_refusals(world.store)]}


def carried(home: Path) -> dict[str, Any]:
    """The next session's drop has every bar of the bad session, which hides nothing: in bulk, in a range, by night.

    One session in the middle has no drop at all, and the first one half its symbols.
    """
    world = World(home, "carried", carried=True)
    world.deliver(world.thin())
    found = {"bulk": world.night(LAST, "bulk")}
    world = World(home, "carriedrange", carried=True)
    world.deliver(world.thin())
    span = {"since": DAYS[5].isoformat(), "until": DAYS[LAST].isoformat()}
    branch = ingest(world.lake.args("ingest", DAYS[LAST], "range", **span)).branch
    validate(world.lake.args("validate", DAYS[LAST], "range", branch=branch, **span))
    found |= {"range": world.bars(), "kept": [held.refusal.key for held in read_refusals(world.store)]}
    world = World(home, "carriednights", carried=True)
    span = {"since": DAYS[5].isoformat(), "until": DAYS[BAD - 1].isoformat()}
    branch = ingest(world.lake.args("ingest", DAYS[BAD - 1], "range", **span)).branch
    validate(world.lake.args("validate", DAYS[BAD - 1], "range", branch=branch, **span))
    world.deliver(world.thin())
    for session in (BAD, NEXT, LAST):
        world.night(session, f"night{session}")
    found |= {"nights": world.bars()}
    world = World(home, "gone", carried=True)
    first, gone = price_key(DAYS[0]), price_key(DAYS[12])
    lines = gzip.decompress(world.body(0)).decode().splitlines()
    world.prices.put(first, packed(lines[: len(lines) // 2]))
    world.store.delete(gone)
    return found | {"early": world.night(LAST, "bulk")}


def main() -> None:
    home = Path(sys.argv[1]).parent
    cases = {"laundered": laundered, "late": late, "rubbish": rubbish, "filled": filled, "carried": carried}
    seen = {name: case(home) for name, case in cases.items()} | {"days": [day.isoformat() for day in DAYS]}
    Path(sys.argv[1]).write_text(json.dumps(seen), encoding="utf-8")


if __name__ == "__main__":
    main()
