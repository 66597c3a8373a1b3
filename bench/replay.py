"""``make replay DROPS=<folder> [SESSION=<last>]``: all drops in one run into one lake, session by session into another.

Prints the seconds of every session, then compares the two lakes row by row. The exit status is 0 where every table is
the same. The drops of years take about an hour: a session takes some seconds, audit included.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from datetime import date
from pathlib import Path

from afterbell.calendar.sessions import Exchange
from afterbell.errors import MissingDropsError
from afterbell.sources.source import load_sources
from bench.services import drive, services

_EVERY = 20


def main() -> int:
    """Start the services, bring the drops there, and run the driver beside them."""
    parser = argparse.ArgumentParser(prog="replay", allow_abbrev=False)
    parser.add_argument("--drops", default=os.environ.get("DROPS", ""), help="a folder with s3/ and hdfs/ in it")
    parser.add_argument(
        "--last",
        default=os.environ.get("SESSION", ""),
        help="the last session, as YYYY-MM-DD; all there are, if left out",
    )
    parser.add_argument("--driver", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    drops = Path(options.drops).resolve()
    if options.driver:
        return _replay(sessions_of(drops, options.last))
    if not options.drops or not drops.is_dir():
        print(
            f"replay: {options.drops or 'DROPS'} is not a folder of drops; try make replay DROPS=/data/us_daily",
            file=sys.stderr,
        )
        return 2
    with services(drops) as env:
        return drive("bench.replay", ["--driver", "--drops", str(drops), "--last", options.last], env)


def sessions_of(drops: Path, last: str) -> list[date]:
    """The exchange's sessions from the first to the last drop of a source that is required."""
    days: list[date] = []
    exchange = "XNYS"
    for source in load_sources():
        if source.required:
            exchange = source.exchange
            root = drops / source.store
            keys = [path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()]
            days += [day for key in keys if (day := source.session_of(key)) is not None]
    if not days:
        raise MissingDropsError(f"{drops}: no drop of a required source lies there; expected s3/prices/...")
    return list(Exchange(exchange).between(min(days), date.fromisoformat(last) if last else max(days)))


def _replay(sessions: list[date]) -> int:
    from bench.lakes import Done, Lake, differences  # noqa: PLC0415 - the driver alone has Spark

    def print_done(done: Done) -> None:
        print(
            f"{done.session} ingest {done.ingest:6.2f} s, validate {done.validate:6.2f} s {done.error[:120]}",
            flush=True,
        )

    with tempfile.TemporaryDirectory(prefix="replay-") as folder:
        bulk = Lake(Path(folder), "bulk")
        print(f"{len(sessions)} sessions, {sessions[0]} to {sessions[-1]}; all at once:", flush=True)
        print_done(bulk.run(sessions[-1]))
        daily = Lake(Path(folder), "daily")
        print("session by session:", flush=True)
        results = daily.run_all(sessions, print_done)
        for first in range(0, len(results), _EVERY):
            part = [done for done in results[first : first + _EVERY] if not done.error]
            if part:
                seconds = [
                    sum(value) / len(part) for value in zip(*((d.ingest, d.validate) for d in part), strict=True)
                ]
                print(f"sessions {first + 1:>4} on: ingest {seconds[0]:5.2f} s, validate {seconds[1]:5.2f} s each")
        compared = differences(bulk.runtime, daily.runtime)
    for table, comparison in compared.items():
        word = "same" if comparison["equal"] else "DIFFERENT"
        print(f"{table:<26}{word:>10} {json.dumps(comparison['rows'])} {comparison['samples']}")
    return 0 if all(comparison["equal"] for comparison in compared.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
