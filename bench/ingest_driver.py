"""A Spark driver that ingests and measures on command: a JSON line in, a JSON line out, for ``bench.ingest``."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
import zlib
from collections.abc import Iterable
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any
from unittest.mock import patch

import polars as pl

from afterbell.errors import MissingDropsError
from afterbell.ingest.job import ingest
from afterbell.ingest.write import publish
from afterbell.quality import audit, audit_branch
from afterbell.quality.audit import Report, Subject
from afterbell.quality.branch import BranchReader
from bench.lakes import Lake
from bench.plain_spark import ingest_without_checks

_GZIP = 31


class Driver:
    """One lake below ``home``, and the folder that its drops came from."""

    def __init__(self, home: Path, drops: Path) -> None:
        self._home, self._drops = home, drops
        self._lake = Lake(home, "lake")
        self._branch = ""

    def run(self, sessions: list[str]) -> float:
        """Ingest and publish each session, without an audit."""
        for session in sessions:
            with suppress(MissingDropsError):  # its drops come with the next session's, as on a real day
                self.ingest(session)
                publish(self._lake.spark, self._branch)
        return 0.0

    def ingest(self, session: str) -> float:
        """Seconds of an ingest that is not published, so that it can be had again."""
        began = time.perf_counter()
        result = ingest(self._lake.args("ingest", date.fromisoformat(session)))
        self._branch = result.branch
        return time.perf_counter() - began

    def audit(self, session: str) -> float:
        """Seconds of the audit of what was ingested last."""
        began = time.perf_counter()
        reader = BranchReader(self._lake.spark, self._lake.runtime.s3, self._branch)
        audit_branch.judge_branch(reader, date.fromisoformat(session), self._home / "docs")
        return time.perf_counter() - began

    def look(self, session: str) -> float:
        """Seconds of the same audit where all is read and compared, and Great Expectations is left out."""
        mine: dict[str, Any] = {"run_audit": _take, "row_expectations": _none, "symbol_expectations": _none}
        with patch.multiple(audit_branch, **mine), patch.object(audit, "expectations_of", _none):
            return self.audit(session)

    def plain(self, last: str) -> float:
        """Seconds that a plain Spark job takes for the same files, from the local disk: no rule, no action decided."""
        began = time.perf_counter()
        ingest_without_checks(self._lake.spark, self._drops, date.fromisoformat(last))
        return time.perf_counter() - began

    def polars(self, last: str) -> float:
        """Seconds that Polars takes to read the same files from the local disk: no type, no rule, no lake."""
        began = time.perf_counter()
        for path in sorted(self._drops.glob("*/*/*/*.gz")):
            data = path.read_bytes()
            if path.name[:8] <= last.replace("-", "") and data:
                text = zlib.decompress(data, _GZIP)
                prices = path.parts[-3] == "prices"
                pl.read_csv(
                    text,
                    separator="\t" if path.parts[-3] == "symbols" else ",",
                    has_header=prices,
                    quote_char=None,
                    try_parse_dates=False,
                    infer_schema_length=100 if prices else 0,
                    ignore_errors=True,
                    truncate_ragged_lines=True,
                    raise_if_empty=False,
                )
        return time.perf_counter() - began


def _take(_: Path, subjects: Iterable[Subject]) -> Report:
    for subject in subjects:
        subject.rows()
    return Report()


def _none(*_: object) -> list[object]:
    return []


def main() -> None:
    """Answer commands until the input ends."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # whatever else prints must not disturb the conversation
    with tempfile.TemporaryDirectory(prefix="bench-") as home:
        driver = Driver(Path(home), Path(sys.argv[1]))
        for line in sys.stdin:
            command: dict[str, Any] = json.loads(line)
            print(json.dumps(getattr(driver, command.pop("do"))(**command)), file=answers, flush=True)


if __name__ == "__main__":
    main()
