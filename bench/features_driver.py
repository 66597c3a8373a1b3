"""A Spark driver that computes features and measures on command: a JSON line in, one out, for ``bench.features``."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from afterbell.calendar.sessions import Exchange
from afterbell.cluster.worker import keep_archives
from afterbell.features.compute import compute
from afterbell.features.factors import FactorSet
from afterbell.features.features_spark import (
    FeatureInputs,
    FeatureWork,
    bar_files,
    commit,
    compute_files,
    find_work,
    table_of,
)
from afterbell.features.fill import Months, Sources, slice_rows
from afterbell.features.grid import Actions, Bars, SessionGrid
from afterbell.features.sets.alpha158 import ALPHA158
from afterbell.features.tables import ACTION_COLUMNS, actions_of, bars_of, symbols_of, within
from afterbell.ingest.job import ingest
from afterbell.ingest.write import publish
from afterbell.lake.commit import ensure_table, head
from afterbell.lake.scan import plan_files
from afterbell.lake.snapshots import live
from afterbell.lake.tables import BARS, CORPORATE_ACTIONS, Table
from bench.adjusted import adjusted, factors_of
from bench.lakes import Lake
from bench.market_lake import write_market

_SHARED = Path("/dev/shm")  # noqa: S108 - the machine's own memory, where processes share it


class Driver:
    """A lake below ``home``."""

    def __init__(self, home: Path) -> None:
        self._home, self._runs = home, 0
        self._lake = Lake(home, "lake")
        self._spark, self._s3 = self._lake.spark, self._lake.runtime.s3
        self._memory = Path(tempfile.mkdtemp(dir=_SHARED if _SHARED.is_dir() else home))
        self._bare: tuple[Bars, Actions, SessionGrid, tuple[str, ...]] | None = None

    def take(self, session: str) -> float:
        """Ingest and publish all drops up to ``session``."""
        result = ingest(self._lake.args("ingest", date.fromisoformat(session)))
        publish(self._spark, result.branch)
        return 0.0

    def draw(self, symbols: int, first: str, last: str) -> float:
        """Write a drawn market; how many rows it has."""
        sessions = Exchange().between(date.fromisoformat(first), date.fromisoformat(last))
        write_market(self._spark, self._s3, symbols, sessions)
        return float(symbols * len(sessions))

    def stored(self, last: str, name: str = "alpha158") -> float:
        """Seconds from stored bars to all missing features up to ``last`` stored and committed."""
        factors = replace(ALPHA158, name=name)
        ensure_table(self._spark, table_of(factors))
        began = time.perf_counter()
        inputs, at = self._inputs(), head(self._spark, table_of(factors))
        work = self._work(inputs, factors, at, last)
        constants = {"definition_hash": factors.definition_hash, "input_snapshot": inputs.bars}
        files = compute_files(self._spark, inputs, factors, work, constants)
        commit(self._spark, factors, work, files, f"{name} {last}", at)
        return time.perf_counter() - began

    def forget(self, name: str) -> float:
        """Drop a table of features, files and all."""
        # By Iceberg on the driver: Spark's own PURGE is a job, which executors of a local cluster cannot read.
        stored = live(self._spark, Table(f"features.{name}", ""))
        metadata = stored.operations().current()
        self._spark.sql(f"DROP TABLE lake.features.{name}")
        self._spark._jvm.org.apache.iceberg.CatalogUtil.dropTableData(stored.io(), metadata)  # noqa: SLF001 - see lake/scan.py
        return 0.0

    def memory(self, last: str) -> float:
        """Seconds from stored bars to all features up to ``last`` as arrays in this machine's memory."""
        factors = replace(ALPHA158, name="memory")
        ensure_table(self._spark, table_of(factors))
        began = time.perf_counter()
        inputs = self._inputs()
        work = self._work(inputs, factors, head(self._spark, table_of(factors)), last)
        tasks, sources, folder = work.tasks, self._sources(inputs, work), str(self._memory)

        def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            keep_archives()
            for batch in batches:
                for task in batch.column("id").to_pylist():
                    months = Months(sources)
                    moves = sources.rows(sources.actions, CORPORATE_ACTIONS, ACTION_COLUMNS)
                    for one in tasks[task]:
                        for part, (_, rows) in enumerate(slice_rows(one, months.of(one.months), moves, factors)):
                            path = f"{folder}/{one.month}-{part}.npy"
                            np.save(path, rows.values)
                            yield pa.RecordBatch.from_pylist([{"path": path}])

        made = self._spark.range(0, len(tasks), 1, len(tasks)).mapInArrow(run, "path string").collect()
        arrays = [np.load(row.path, mmap_mode="r") for row in made]
        rows = sum(array.shape[1] for array in arrays)
        seconds = time.perf_counter() - began
        if rows < len(work.plan.hole_positions):
            raise RuntimeError(f"{rows} rows are too few for {len(work.plan.hole_positions)} sessions")
        for row in made:
            Path(row.path).unlink()
        return seconds

    def bare(self, last: str) -> float:
        """Seconds of the kernels alone in this one process, on bars that are in memory already."""
        if self._bare is None:
            self._bare = self._known(last)
        bars, actions, grid, symbols = self._bare
        began = time.perf_counter()
        compute(bars, actions, grid, len(symbols), ALPHA158, np.arange(len(grid.days)))
        return time.perf_counter() - began

    def export(self, last: str, path: str) -> float:
        """Write all bars up to ``last`` as adjusted by what is known now, for Qlib; how many there are."""
        bars, actions, grid, symbols = self._known(last)
        pq.write_table(adjusted(bars, actions, grid, symbols), path)
        return float(len(bars.symbol))

    def ours(self, bars: str, out: str) -> float:
        """Write our factors of the adjusted bars that ``export`` wrote."""
        rows = factors_of(pq.read_table(bars))
        pq.write_table(rows, out)
        return float(rows.num_rows)

    def close(self) -> float:
        """Leave nothing in the machine's memory."""
        shutil.rmtree(self._memory)
        return 0.0

    def _inputs(self) -> FeatureInputs:
        return FeatureInputs(head(self._spark, BARS), head(self._spark, CORPORATE_ACTIONS), Exchange(), self._s3)

    def _work(self, inputs: FeatureInputs, factors: FactorSet, at: int, last: str) -> FeatureWork:
        work = find_work(self._spark, inputs, factors, at, date.fromisoformat(last))
        if work is None:
            raise RuntimeError(f"{factors.name} has all sessions up to {last} already: there is nothing to measure")
        return work

    def _sources(self, inputs: FeatureInputs, work: FeatureWork) -> Sources:
        first, last = work.plan.ranges[0][0], work.plan.ranges[-1][1]
        actions = plan_files(self._spark, CORPORATE_ACTIONS, inputs.actions, "ex_session", first, last)
        return Sources(bar_files(self._spark, inputs, first, last), tuple(actions), self._s3)

    def _known(self, last: str) -> tuple[Bars, Actions, SessionGrid, tuple[str, ...]]:
        """All bars and actions up to ``last``, from the first session on."""
        inputs, factors = self._inputs(), replace(ALPHA158, name="memory")
        ensure_table(self._spark, table_of(factors))
        work = self._work(inputs, factors, head(self._spark, table_of(factors)), last)
        sources = self._sources(inputs, work)
        grid = SessionGrid.of(inputs.exchange, inputs.exchange.between(work.plan.holes[0], work.plan.holes[-1]))
        tables = [within(table, "session", grid) for table in Months(sources).of(sorted(sources.bars))]
        symbols = symbols_of(tables)
        moves = within(sources.rows(sources.actions, CORPORATE_ACTIONS, ACTION_COLUMNS), "ex_session", grid)
        return bars_of(tables, symbols), actions_of(moves, symbols), grid, symbols


def main() -> None:
    """Answer commands until the input ends."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # whatever else prints must not disturb the conversation
    with tempfile.TemporaryDirectory(prefix="bench-") as home:
        os.environ.setdefault("AFTERBELL_HOME", home)
        driver = Driver(Path(home))
        try:
            for line in sys.stdin:
                command: dict[str, Any] = json.loads(line)
                print(json.dumps(getattr(driver, command.pop("do"))(**command)), file=answers, flush=True)
        finally:
            driver.close()


if __name__ == "__main__":
    main()
