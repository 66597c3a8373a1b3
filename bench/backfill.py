"""What a backfill costs: a range against a run for each session, and a daily run while one is at work."""

from __future__ import annotations

import os
import tempfile
import time
from datetime import date
from pathlib import Path

import polars as pl

from afterbell.backfill.repository import Shelf
from afterbell.cli.market import write_folder
from afterbell.lake.reader import scan
from afterbell.simulation.feed import deliveries
from afterbell.simulation.market import MarketSpec, simulate
from afterbell.stores.artifacts import ArtifactStore
from bench.dags import Installation
from bench.ingest import REAL
from bench.lakes import differences
from bench.measure import Figure, Ratio, ratio_of
from bench.replay import sessions_of
from bench.services import services

_BEFORE, _RANGE = 40, int(os.environ.get("BENCH_SESSIONS") or 20)
"""Sessions that the lake has already, and those that are filled."""
_SMALLEST = 10_000
_DATA = ("ingest", "validate", "features")
_OTHERS = "train|evaluate|publish|score"
_SETS = ["alpha158", "alpha360", "cross_section", "fundamental"]
_SMALL = MarketSpec(symbols=250, sessions=176, signal=0.1)
_REASON = "measuring what it costs"


def backfills() -> list[Ratio | Figure]:
    """Both."""
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        drops, what = REAL, "the real drops"
        if not drops.is_dir():
            drops, what = Path(scratch) / "drops", "simulated drops of 1,000 symbols"
            write_folder(deliveries(simulate(MarketSpec(symbols=1000, sessions=300))), drops)
        with services(drops) as stores:
            return [*_native_against_range(stores, drops, what), *_beside_a_daily_run(stores, drops, what)]


def _native_against_range(stores: dict[str, str], drops: Path, what: str) -> list[Ratio | Figure]:
    sessions = _with_drops(drops)[: _BEFORE + _RANGE]
    before, filled = sessions[:_BEFORE], sessions[_BEFORE:]
    with Installation(stores, "native") as native, Installation(stores, "range") as ranged:
        for each in (native, ranged):  # and the first start of anything is warm after it
            each.run("backfill_history", _form_of(before))
        steps, opened = 0.0, 0.0
        for session in filled:
            seconds = native.run("daily_retraining", {"session": session.isoformat()}, _OTHERS)
            steps += sum(seconds[step] for step in _DATA)
            opened += sum(seconds.values()) - sum(seconds[step] for step in _DATA)
        seconds = ranged.run("backfill_history", _form_of(filled))
        whole = sum(seconds.values())
        same = differences(native.runtime, ranged.runtime)
        different = [table for table, comparison in same.items() if not comparison["equal"]]
        rows = [_features(each, filled) for each in (native, ranged)]
    note = f"{what}, {len(filled)} sessions from {filled[0]} on, on top of {_BEFORE}"
    return [
        ratio_of("range / session by session", [(whole, steps)],
                 f"{note}: plan, ingest, audit and features of the range / ingest, validate and features of each "
                 f"session; each session's other two tasks took {opened / len(filled):.1f} s more, and no model was "
                 "trained"),
        Figure("tables that differ", len(different), "of 8", f"{note}: every column of every row. {different}"),
        Figure("feature rows that differ", float(not rows[0].equals(rows[1])), "(0 or 1)",
               f"{note}: {rows[0].height:,} rows, byte for byte"),
    ]  # fmt: skip


def _with_drops(drops: Path) -> list[date]:
    """Sessions whose own drop of prices is there and whole: a run for any other one fails, as it should."""
    sizes = {path.name[:8]: path.stat().st_size for path in drops.glob("s3/prices/*/*.gz")}
    return [day for day in sessions_of(drops, "") if sizes.get(f"{day:%Y%m%d}", 0) > _SMALLEST]


def _form_of(sessions: list[date], **more: object) -> dict[str, object]:
    return {"first": sessions[0].isoformat(), "last": sessions[-1].isoformat(), "reason": _REASON, **more}


def _features(lake: Installation, sessions: list[date]) -> pl.DataFrame:
    rows = pl.DataFrame(pl.from_arrow(scan(lake.runtime, "features.core"))).drop("input_snapshot")
    return rows.filter(pl.col("session").is_in(sessions)).sort("session", "symbol")


def _beside_a_daily_run(stores: dict[str, str], drops: Path, what: str) -> list[Ratio | Figure]:
    """The two have lakes and stores of their own: the backfill learns of no daily run, and stands back for none."""
    market = simulate(_SMALL)
    days = list(market.dates)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        write_folder(deliveries(market), Path(folder))
        with services(Path(folder)) as small, Installation(small, "daily") as daily:
            with Installation(stores, "history") as history:
                daily.run("daily_retraining", {"session": days[-4].isoformat()})
                alone = [_daily(daily, days[-3])]
                history.start("backfill_history", _form_of(_with_drops(drops), factor_sets=_SETS, chunk_sessions=1000))
                _wait_for(history)
                began = time.monotonic()
                beside = _daily(daily, days[-2])
                overlap = time.monotonic() - began
                history.end()
            alone.append(_daily(daily, days[-1]))
    whole = [sum(seconds.values()) for seconds in alone]
    data = [sum(seconds[step] for step in _DATA) for seconds in alone]
    ratio = sum(beside.values()) / (sum(whole) / len(whole))
    return [
        Figure("daily run beside a backfill", ratio, "times as long",
               f"{_SMALL.symbols} symbols, {overlap:.0f} s, while {what} of {len(_with_drops(drops))} sessions are "
               f"ingested and {len(_SETS)} factor sets computed on the same cores / the mean of a run before and one "
               f"after, {whole[0]:.1f} s and {whole[1]:.1f} s"),
        Figure("data steps / whole daily run", sum(data) / sum(whole), "",
               f"{_SMALL.symbols} symbols: ingest, validate and features of a session / all of its tasks: what a run "
               "for each session spends on models that a backfill doesn't train"),
    ]  # fmt: skip


def _daily(lake: Installation, session: date) -> dict[str, float]:
    return lake.run("daily_retraining", {"session": session.isoformat()})


def _wait_for(lake: Installation) -> None:
    """Until the backfill's first chunk is begun."""
    keys = (lake.env["AWS_ACCESS_KEY_ID"], lake.env["AWS_SECRET_ACCESS_KEY"])
    shelf = Shelf(ArtifactStore(lake.runtime.s3, keys=keys))
    end = time.monotonic() + 600
    while time.monotonic() < end:
        if any(one.state == "running" for name in shelf.ids() for one in shelf.state(name).chunks):
            return
        time.sleep(0.5)
    raise RuntimeError("the backfill did not begin within ten minutes")
