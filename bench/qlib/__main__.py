"""Qlib's Alpha158 on a Parquet file of adjusted bars.

    python -m bench.qlib store BARS FOLDER [--double]
    python -m bench.qlib run FOLDER [--workers N] [--double] [--out FILE]
    python -m bench.qlib again FOLDER CELLS OUT [--double]

``run`` prints one line of JSON: workers, rows, and the seconds from stored bars to the frame in memory.
``again`` asks for single cells, each session alone.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import pyarrow.parquet as pq

from bench.qlib.alpha158 import again, factors, start, to_table
from bench.qlib.store import DOUBLE, PLAIN, write


def main() -> None:
    """Write a store, or compute from one."""
    parser = argparse.ArgumentParser(prog="bench.qlib", allow_abbrev=False)
    commands = parser.add_subparsers(required=True)
    store = commands.add_parser("store")
    store.add_argument("bars", type=Path)
    store.add_argument("folder", type=Path)
    store.set_defaults(do=_store)
    compute = commands.add_parser("run")
    compute.add_argument("folder", type=Path)
    compute.add_argument("--workers", type=int, default=1)
    compute.add_argument("--out", type=Path)
    compute.set_defaults(do=_run)
    again_ = commands.add_parser("again")
    again_.add_argument("folder", type=Path)
    again_.add_argument("cells", type=Path)
    again_.add_argument("out", type=Path)
    again_.set_defaults(do=_again)
    for command in (store, compute, again_):
        command.add_argument("--double", action="store_true")
    given = parser.parse_args()
    given.do(given)


def _store(given: argparse.Namespace) -> None:
    instruments = write(pq.read_table(given.bars), given.folder, DOUBLE if given.double else PLAIN)
    print(json.dumps({"instruments": instruments}))


def _run(given: argparse.Namespace) -> None:
    start(given.folder, given.workers, double=given.double)
    began = time.perf_counter()
    frame = factors()
    seconds = time.perf_counter() - began
    if given.out:
        pq.write_table(to_table(frame, given.folder), given.out)
    print(json.dumps({"workers": given.workers, "rows": len(frame), "seconds": round(seconds, 3)}))


def _again(given: argparse.Namespace) -> None:
    start(given.folder, 1, double=given.double)
    pq.write_table(again(given.folder, pq.read_table(given.cells)), given.out)


if __name__ == "__main__":
    main()
