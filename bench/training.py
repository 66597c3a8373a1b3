"""What the fan-out of fits costs: against bare fits, a pool of processes, a Spark job a fit, and binning each time."""

from __future__ import annotations

import os

from bench.driver import ELSEWHERE
from bench.measure import Figure, Ratio, ratio_of
from bench.services import DriverClient

_FITS = int(os.environ.get("BENCH_FITS") or 400)
"""Fits of about a second."""
_PART = 0.1
"""Share of them a round: in turns, so that what else the machine does hits all alike."""
_TINY, _SINGLE = 5_000, 200
_ROWS = 200_000


def fan_out() -> list[Ratio | Figure]:
    """All of it."""
    with DriverClient("bench.training_driver", [], dict(ELSEWHERE)) as driver:
        return [*_long_fits(driver), *_tiny_fits(driver), *_shared_bins(driver)]


def _long_fits(driver: DriverClient) -> list[Ratio | Figure]:
    seconds, cores = driver.call("calibrate", seconds=1.0), driver.call("cores")
    part = max(4, round(_FITS * _PART))
    driver.call("fan_out", fits=8)  # processes and their libraries
    turns = [
        (driver.call("bare", fits=part), driver.call("fan_out", fits=part), driver.call("process_pool", fits=part))
        for _ in range(round(1 / _PART))
    ]
    note = f"{part} fits of trees a round, {seconds:.1f} s each alone"
    return [
        ratio_of(
            "bare / (cores x fan-out)",
            [(bare, cores * ours) for bare, ours, _ in turns],
            f"{note}: one after the other in one process / {cores:.0f} cores times the loop's time; 1 is no loss",
        ),
        ratio_of(
            "process pool / fan-out",
            [(pool, ours) for _, ours, pool in turns],
            f"{note}: warm processes of concurrent.futures, each with the matrix mapped / ours",
        ),
    ]


def _tiny_fits(driver: DriverClient) -> list[Ratio | Figure]:
    driver.call("tiny", fits=_SINGLE)
    turns = [
        (driver.call("tiny_by_jobs", fits=_SINGLE) / _SINGLE, driver.call("tiny", fits=_TINY) / _TINY) for _ in range(3)
    ]
    found = ratio_of(
        "job a fit / grouped",
        turns,
        f"seconds a ridge fit of 480 rows and 20 features: {_SINGLE} fits, a Spark job each / {_TINY} of ours",
    )
    return [found, Figure("tiny fits", 1 / found.theirs, "fits/s", f"{_TINY} small ridge fits, by the median round")]


def _shared_bins(driver: DriverClient) -> list[Ratio | Figure]:
    pairs = [(driver.call("later_trial", rows=_ROWS), driver.call("first_trial", rows=_ROWS)) for _ in range(4)][1:]
    note = f"{_ROWS:,} rows and 158 features, one round: with bins that another trial made / with bins of its own"
    return [ratio_of("later trial / first", pairs, note)]
