"""``make bench``: every figure is a ratio within this run; seconds are shown for orientation only."""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import asdict

from bench.features import one_more_session
from bench.ingest import (
    audit_of_a_session,
    bulk_against_polars,
    great_expectations,
    parse_against_polars,
    session_after_history,
)

MEASUREMENTS = (
    parse_against_polars, one_more_session, bulk_against_polars, session_after_history, audit_of_a_session,
    great_expectations,
)  # fmt: skip


def main() -> None:
    """Run all measurements and print them as a table, or as JSON with ``--json``."""
    parser = argparse.ArgumentParser(prog="bench", allow_abbrev=False)
    parser.add_argument("--json", action="store_true")
    as_json = parser.parse_args().json
    found = [measure() for measure in MEASUREMENTS]
    if as_json:
        print(json.dumps([asdict(ratio) for ratio in found], indent=2))
        return
    print(f"{os.cpu_count()} cores")
    print(f"{'':<28}{'ratio':>8}{'low':>8}{'high':>8}{'ours s':>9}{'other s':>9}")
    for ratio in found:
        print(
            f"{ratio.name:<28}{ratio.ratio:>8.2f}{ratio.low:>8.2f}{ratio.high:>8.2f}{ratio.ours:>9.3f}{ratio.theirs:>9.3f}"
        )
        print(f"  {ratio.note}")


if __name__ == "__main__":
    main()
