"""How long each test file takes: measured by every run of the suite, kept in the tree as ``tests/durations.tsv``.

By the table in the tree the longest files come first, so that no worker is left alone with one at the end. It also says
what a room took when somebody last looked: a run prints the rooms that grew by a fifth and more.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from tests.suite.rooms import ROOT

TABLE = ROOT / "tests" / "durations.tsv"
RECORD = "AFTERBELL_TEST_RECORD"
"""Variable that names the file into which a test session writes the seconds of its files."""
UNKNOWN = 5.0
"""Seconds that a file is taken for that was never measured."""
GROWN, NOTICED = 1.2, 5.0
"""A room is mentioned where it takes so many times as long as in the table, and so many seconds more."""


def read_table(path: Path = TABLE) -> dict[str, float]:
    """Seconds by test file."""
    if not path.exists():
        return {}
    lines = path.read_text(encoding="utf-8").splitlines()
    return {file: float(seconds) for file, seconds in (line.split("\t") for line in lines if line)}


def write_table(found: Mapping[str, float], path: Path = TABLE) -> None:
    """Write the table, by file."""
    lines = [f"{file}\t{found[file]:.1f}\n" for file in sorted(found)]
    path.write_text("".join(lines), encoding="utf-8")


def read_records(paths: Iterable[Path]) -> dict[str, float]:
    """What test sessions have measured."""
    found: dict[str, float] = {}
    for path in paths:
        if path.exists():
            found |= json.loads(path.read_text(encoding="utf-8"))
    return found


def by_room(files: Mapping[str, float]) -> dict[str, float]:
    """Seconds by folder."""
    found: dict[str, float] = defaultdict(float)
    for file, seconds in files.items():
        found[file.rpartition("/")[0]] += seconds
    return dict(found)


def comparison(measured: Mapping[str, float], table: Mapping[str, float]) -> list[str]:
    """Lines for people: every room with its seconds, the largest first, and those that grew."""
    now, before = by_room(measured), by_room(table)
    lines = [f"{'room':<28} {'seconds':>8} {'table':>8}"]
    for room, seconds in sorted(now.items(), key=lambda item: -item[1]):
        was = before.get(room)
        grown = was is not None and seconds > GROWN * was and seconds > was + NOTICED
        mark = f"   grew by {100 * (seconds / was - 1):.0f} %" if grown and was else ""
        lines.append(f"{room:<28} {seconds:8.1f} {'new' if was is None else f'{was:.1f}':>8}{mark}")
    return lines
