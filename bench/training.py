"""What the fan-out of fits costs: against bare fits, pools of processes, plain Spark, Celery, and binning each time."""

from __future__ import annotations

import os
from collections.abc import Sequence

from bench.driver import ELSEWHERE
from bench.measure import Figure, Ratio, ratio_of
from bench.services import DriverClient

_FITS = int(os.environ.get("BENCH_FITS") or 400)
"""Fits of about a second."""
_PART = 0.25
"""Share of them a round: in turns, so that what else the machine does hits all alike. Of shorter ones the end of each,
where a core has nothing left to do, would weigh more than it does in a run.
"""
_TINY, _SINGLE = 5_000, 200
_ROWS = 200_000
_SIDE_BY_SIDE = (1, 2, 4)
_FOUR = "--master local[4] --driver-memory 2g --conf spark.ui.showConsoleProgress=false"


def fan_out() -> list[Ratio | Figure]:
    """All of it."""
    with DriverClient("bench.training_driver", [], dict(ELSEWHERE)) as driver:
        figures = [*_long_fits(driver), *_tiny_fits(driver), *_shared_bins(driver)]
    return [*figures, *_mapped_matrix()]


def _long_fits(driver: DriverClient) -> list[Ratio | Figure]:
    seconds, cores = driver.call("calibrate", seconds=1.0), driver.call("cores")
    part = max(4, round(_FITS * _PART))
    driver.call("fan_out", fits=8)  # processes and their libraries
    ways = ["bare", "fan_out", "process_pool", "loky", "pandas", *(["celery"] if driver.call("can_queue") else [])]
    turns = [{way: driver.call(way, fits=part) for way in ways} for _ in range(round(1 / _PART))]
    note = f"{part} fits of trees a round, {seconds:.1f} s each alone"
    if "celery" not in ways:
        note += " (no Celery: redis-server is not installed here)"
    figures: list[Ratio | Figure] = [
        ratio_of(
            "bare / (cores x fan-out)",
            [(turn["bare"], cores * turn["fan_out"]) for turn in turns],
            f"{note}: one after the other in one process / {cores:.0f} cores times the loop's time; 1 is no loss",
        )
    ]
    return [*figures, *(_against(way, turns, note) for way in ways[2:])]


_RIVALS = {
    "process_pool": ("process pool / fan-out", "warm processes of concurrent.futures, each with the matrix mapped"),
    "loky": ("joblib's loky / fan-out", "warm processes of joblib's pool, each with the matrix mapped"),
    "pandas": ("applyInPandas / fan-out", "plain Spark, a group a fit, with the matrix broadcast before"),
    "celery": ("Celery / fan-out", "warm prefork workers behind Redis, each with the matrix mapped"),
}


def _against(way: str, turns: Sequence[dict[str, float]], note: str) -> Ratio:
    name, what = _RIVALS[way]
    return ratio_of(name, [(turn[way], turn["fan_out"]) for turn in turns], f"{note}: {what} / ours")


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
    ratio = ratio_of("later trial / first", pairs, note)
    saved = "of the seconds of such a fit, which is binning and one tree, by every trial but the first"
    return [ratio, Figure("binning saved", 100 * (1 - ratio.ratio), "%", saved, 0)]


def _mapped_matrix() -> list[Figure]:
    """What the matrix takes in memory, with more fits side by side than this machine may have cores."""
    with DriverClient("bench.training_driver", [], dict(ELSEWHERE), _FOUR) as driver:
        driver.call("calibrate", seconds=1.0)
        driver.call("mapped", fits=4)  # processes and their libraries
        one, two, four = (driver.call("mapped", fits=fits) for fits in _SIDE_BY_SIDE)
    mib = ", ".join(
        f"{value / 2**20:.1f} MiB with {fits}" for fits, value in zip(_SIDE_BY_SIDE, (one, two, four), strict=True)
    )
    note = f"proportional memory of the mapped matrix in all processes, fits side by side: {mib}; 1 is no growth"
    return [Figure("matrix in memory, 4 fits / 1", four / one, "", note)]
