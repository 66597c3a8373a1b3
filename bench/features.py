"""What features cost: against Qlib, against the bare kernels, with the length of history, and in memory."""

from __future__ import annotations

import os
import statistics
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import psutil

from afterbell.calendar.sessions import Exchange
from afterbell.cli.market import write_folder
from afterbell.simulation.feed import deliveries
from afterbell.simulation.market import MarketSpec, simulate
from bench.beside_qlib import agreement, qlib_seconds
from bench.driver import ELSEWHERE
from bench.ingest import REAL
from bench.measure import Figure, Ratio, ratio_of
from bench.replay import sessions_of
from bench.services import DriverClient, services

_ROUNDS = 4
_SYMBOLS = 8000
_TEN_YEARS = ("2006-01-03", "2015-12-31")
_ONE_YEAR = ("2015-01-02", "2015-12-31")
_DAYS, _WARM = 12, 5
_CLUSTER = "--master local-cluster[1,2,512] --driver-memory 2g --conf spark.executor.memory=512m"
_GIB = 1 << 30


def against_qlib() -> list[Ratio | Figure]:
    """Alpha158 over all real drops: in memory and stored, against Qlib; the bare kernels; and whether both agree."""
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        drops, what = REAL, "the real drops"
        if not drops.is_dir():
            drops, what = Path(scratch) / "drops", "simulated drops of 1,000 symbols"
            write_folder(deliveries(simulate(MarketSpec(symbols=1000, sessions=300))), drops)
        last = sessions_of(drops, "")[-1].isoformat()
        with services(drops) as env, DriverClient("bench.features_driver", [], env) as driver:
            driver.call("take", session=last)
            rows = driver.call("export", last=last, path=f"{scratch}/bars.parquet")
            ours = [_turn(driver, last) for _ in range(_ROUNDS + 1)][1:]
            qlib = qlib_seconds(Path(scratch))
            note = f"Alpha158 of {what}, {rows:,.0f} bars"
            cores = os.cpu_count()
            figures: list[Ratio | Figure] = [
                ratio_of("Qlib / in memory", [(qlib, each["memory"]) for each in ours],
                         f"{note}: Qlib 0.9.7 with {cores} workers, from its store to a frame / ours, from the lake to "
                         "arrays in memory"),
                ratio_of("Qlib / stored", [(qlib, each["stored"]) for each in ours],
                         f"{note}: the same / ours stored and committed in the lake"),
                ratio_of("in memory / bare kernels", [(each["memory"], each["bare"]) for each in ours],
                         f"{note}: Spark, lake and all / the kernels alone in one process on bars in memory"),
            ]  # fmt: skip
            driver.call("ours", bars=f"{scratch}/bars.parquet", out=f"{scratch}/ours.parquet")
        figures += agreement(Path(scratch), note)
    return figures


def _turn(driver: DriverClient, last: str) -> dict[str, float]:
    seconds = {name: driver.call(name, last=last) for name in ("memory", "bare", "stored")}
    driver.call("forget", name="alpha158")
    return seconds


def with_history() -> list[Ratio | Figure]:
    """Drawn markets: one more session after one year and after ten, from 1 to 8 million rows, and memory."""
    ten = [day.isoformat() for day in Exchange().between(*map(date.fromisoformat, _TEN_YEARS))]
    with (
        DriverClient("bench.features_driver", [], ELSEWHERE, _CLUSTER) as long,
        DriverClient("bench.features_driver", [], ELSEWHERE, _CLUSTER) as short,
    ):
        short.call("draw", symbols=_SYMBOLS, first=_ONE_YEAR[0], last=_ONE_YEAR[1])
        long.call("draw", symbols=_SYMBOLS, first=ten[0], last=ten[-1])
        for driver, last in ((long, ten[20]), (short, ten[-1])):  # a cold driver, and its executor, compile
            driver.call("stored", last=last, name="warm")
        some = [_million(long, ten, number) for number in (1, 2, 4, 8)]
        with _peak(long.pid) as small:
            long.call("stored", last=ten[1_000_000 // _SYMBOLS - 1], name="small")
        with _peak(long.pid) as large:
            long.call("stored", last=ten[-_DAYS - 2], name="history")
        short.call("stored", last=ten[-_DAYS - 2], name="history")
        turns = [
            (long.call("stored", last=day, name="history"), short.call("stored", last=day, name="history"))
            for day in ten[-_DAYS - 1 :]
        ][_WARM:]
    steps = ", ".join(f"{statistics.median(each) / statistics.median(some[0]):.2f}" for each in some[1:3])
    return [
        ratio_of("one more session", turns, f"one session of {_SYMBOLS:,} symbols stored: after ten years / after one"),
        ratio_of(
            "8 million rows / 8 x 1",
            [(each[3], 8 * each[0]) for each in zip(*some, strict=True)],
            f"seconds of 8 million rows / eight times those of 1 million; 2 and 4 million take {steps} times as long",
        ),
        Figure(
            "executor, 1 million rows",
            small[0] / _GIB,
            "GiB",
            "peak with two cores and a heap of 512 MB, its Python included",
        ),
        Figure("executor, 20 million rows", large[0] / _GIB, "GiB", f"ten years of {_SYMBOLS:,} symbols in one job"),
    ]


def _million(driver: DriverClient, sessions: list[str], number: int) -> list[float]:
    seconds = []
    for _ in range(2):
        seconds.append(driver.call("stored", last=sessions[number * 1_000_000 // _SYMBOLS - 1], name="some"))
        driver.call("forget", name="some")
    return seconds


@contextmanager
def _peak(pid: int) -> Iterator[list[int]]:
    """The greatest sum of the proportional memory of a driver's executors, looked at ten times a second."""
    over, seen = threading.Event(), [0]

    def watch() -> None:
        while not over.wait(0.1):
            seen[0] = max(seen[0], _executors(pid))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield seen
    finally:
        over.set()
        watcher.join()


def _executors(pid: int) -> int:
    total = 0
    for child in psutil.Process(pid).children(recursive=True):
        try:
            if "CoarseGrainedExecutorBackend" in " ".join(child.cmdline()):
                total += sum(each.memory_full_info().pss for each in (child, *child.children(recursive=True)))
        except psutil.Error:
            continue  # it ended while it was looked at
    return total
