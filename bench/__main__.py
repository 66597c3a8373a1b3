"""``make bench [PART=...]``: every figure is a ratio within this run; seconds are shown for orientation only."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict

from bench.backfill import backfills
from bench.features import against_qlib, with_history
from bench.gate import operating_characteristics
from bench.gate_markets import judged_markets
from bench.ingest import ingest_and_audit, parse_against_polars
from bench.measure import Figure, Ratio
from bench.real_search import real_search
from bench.training import fan_out

MEASUREMENTS: dict[str, Callable[[], Sequence[Ratio | Figure]]] = {
    "parse": parse_against_polars,
    "ingest": ingest_and_audit,
    "features": against_qlib,
    "history": with_history,
    "backfill": backfills,
    "gate": operating_characteristics,
    "gate-markets": judged_markets,
    "training": fan_out,
    "real-search": real_search,
}
ON_REQUEST = {"real-search"}
"""Those that take an hour: they are run where they are named."""


def main() -> None:
    """Run the measurements and print them as a table as they come, or as JSON with ``--json``."""
    parser = argparse.ArgumentParser(prog="bench", allow_abbrev=False)
    parser.add_argument("--json", action="store_true")
    parser.add_argument(
        "--part", action="append", choices=list(MEASUREMENTS), help="only this one; may be given several times"
    )
    given = parser.parse_args()
    parts = (
        given.part or os.environ.get("PART", "").split() or [name for name in MEASUREMENTS if name not in ON_REQUEST]
    )
    unknown = [part for part in parts if part not in MEASUREMENTS]
    if unknown:
        parser.error(f"PART={unknown[0]} is not known: use some of {', '.join(MEASUREMENTS)}")
    if given.json:
        print(json.dumps([asdict(each) for part in parts for each in MEASUREMENTS[part]()], indent=2))
        return
    print(f"{os.cpu_count()} cores")
    print(f"{'':<28}{'ratio':>8}{'low':>8}{'high':>8}{'ours s':>9}{'other s':>9}")
    for part in parts:
        for each in MEASUREMENTS[part]():
            print(_line(each), f"  {each.note}", sep="\n", flush=True)


def _line(figure: Ratio | Figure) -> str:
    if isinstance(figure, Figure):
        return f"{figure.name:<28}{figure.value:>8.{figure.digits}f} {figure.unit}"
    ratios = f"{figure.ratio:>8.2f}{figure.low:>8.2f}{figure.high:>8.2f}"
    return f"{figure.name:<28}{ratios}{figure.ours:>9.3f}{figure.theirs:>9.3f}"


if __name__ == "__main__":
    main()
