"""Qlib run in its own environment: how long it takes, and where its factors differ from ours.

In the folder ``scratch`` lie ``bars.parquet``, adjusted bars, and ``ours.parquet``, our factors of just these.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from afterbell.config.platform import Folders
from bench.driver import ROOT
from bench.measure import Figure
from bench.qlib.compare import compare, compare_files


def qlib_seconds(scratch: Path) -> float:
    """Seconds that Qlib takes from its own store to a frame in memory, with a worker a core."""
    _run_qlib("store", scratch / "bars.parquet", scratch / "store")
    return float(json.loads(_run_qlib("run", scratch / "store", *_workers()))["seconds"])


def agreement(scratch: Path, note: str) -> list[Figure]:
    """The factor with the fewest cells like Qlib's, where Qlib's store has the precision of our arrays.

    At first, and again once each cell that differs is computed alone: a row is a function of its look-back, but a
    running variance of Qlib's keeps 1e-9 of a level that left the window.
    """
    store, theirs, cells, again = (scratch / name for name in ("double", "theirs", "cells", "again"))
    _run_qlib("store", scratch / "bars.parquet", store, "--double")
    _run_qlib("run", store, "--double", *_workers(), "--out", theirs)
    agreed, missed = zip(*compare_files(scratch / "ours.parquet", theirs), strict=True)
    pq.write_table(pa.concat_tables(missed), cells)
    _run_qlib("again", store, cells, again, "--double")
    alone, left = pq.read_table(again), {}
    for each in agreed:
        mine = alone.filter(pc.equal(alone["factor"], each.factor))
        still = compare(each.factor, mine["ours"].to_numpy(), mine["alone"].to_numpy())
        left[each.factor] = 1.0 - len(still.misses) / each.cells
    first = {each.factor: each.share for each in agreed}
    return [
        _least("least agreement with Qlib", first, f"{note}: cells within 1e-4 of Qlib's"),
        _least("session by session", left, "the same, cells that differ computed again, each session alone"),
    ]


def _least(name: str, shares: dict[str, float], note: str) -> Figure:
    worst = sorted(shares, key=lambda factor: shares[factor])
    named = ", ".join(f"{factor} {100 * shares[factor]:.3f}" for factor in worst[:5])
    return Figure(name, 100 * shares[worst[0]], "%", f"{note}; fewest: {named}")


def _workers() -> tuple[str, str]:
    return "--workers", str(os.cpu_count())


def _run_qlib(*arguments: str | Path) -> str:
    """The last line of what ``bench.qlib`` prints.

    Raises:
        CalledProcessError: it failed; its output is above.
    """
    python = Folders.from_env().env / "qlib" / "bin" / "python"
    done = subprocess.run(
        [python, "-m", "bench.qlib", *arguments], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True
    )
    return (done.stdout.splitlines() or [""])[-1]
