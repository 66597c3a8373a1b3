"""A Spark driver that ingests on command: a JSON line in, a JSON line out, stopped where the test asks for it.

Commands: ``open`` (a lake), ``ingest`` (a session), ``publish`` (what was ingested), ``run`` (both, and again where the
base has moved), ``rows`` (of a table, by Spark). A command with ``stop`` names a place at which the driver says that it
has got there, and waits for a line.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from pyspark.sql import functions as F  # noqa: N812 - the name the field uses

from afterbell.errors import AfterbellError, BaseMovedError
from afterbell.ingest import job, write
from afterbell.ingest.write import publish
from afterbell.lake import compact_small_files as folding
from afterbell.lake import create
from afterbell.lake.tables import BARS, DROPS
from bench.lakes import Lake

PLAIN = {"date": "string", "boolean": "string"}
REAL_STDOUT = os.fdopen(os.dup(1), "w", buffering=1)
os.dup2(2, 1)  # whatever else prints must not disturb the conversation


def say(**found: Any) -> None:
    print(json.dumps(found), file=REAL_STDOUT, flush=True)


class Driver:
    """One process, one lake at a time."""

    def __init__(self, home: Path) -> None:
        self.home, self.stop = home, ""
        self.lake: Lake
        self.branch = ""
        folding.FEW = 1  # the third session that comes one by one folds
        self._pause(create, "_create", before="creating")
        self._pause(job, "write_branch", before="files")
        self._pause(write, "commit_files", after="first commit")
        self._pause(write, "fold", after="fold", when=lambda _, table, *__: table == DROPS)
        self._pause(write, "publish_branch", after="bars", when=lambda _, table, __: table == BARS)

    def _pause(
        self, module: Any, name: str, before: str = "", after: str = "", when: Callable[..., bool] = lambda *_: True
    ) -> None:
        """Let a function of ``module`` stop before or after it has run, where that place is asked for."""
        real = getattr(module, name)

        def stopping(*args: Any, **kwargs: Any) -> Any:
            self.reach(before)
            made = real(*args, **kwargs)
            if after and when(*args):
                self.reach(after)
            return made

        setattr(module, name, stopping)

    def reach(self, place: str) -> None:
        if place and self.stop == place:
            self.stop = ""
            say(stopped=place)
            sys.stdin.readline()

    def open(self, lake: str) -> dict[str, Any]:
        self.lake = Lake(self.home, lake)
        return {}

    def ingest(self, session: str) -> dict[str, Any]:
        result = job.ingest(self.lake.args("ingest", date.fromisoformat(session)))
        self.branch = result.branch
        return {"noop": result.noop, "branch": self.branch, "drops": dict(result.drops)}

    def publish(self) -> dict[str, Any]:
        publish(self.lake.spark, self.branch)
        return {}

    def run(self, session: str) -> dict[str, Any]:
        for moved in range(3):
            found = self.ingest(session)
            try:
                publish(self.lake.spark, self.branch)
                return found | {"moved": moved}
            except BaseMovedError:
                continue
        return {"moved": 3}

    def rows(self, table: str) -> dict[str, Any]:
        frame = self.lake.spark.table(f"lake.{table}")
        told = [
            F.unix_micros(name).alias(name)
            if kind == "timestamp"
            else F.col(name).cast(PLAIN.get(kind, kind)).alias(name)
            for name, kind in frame.dtypes
        ]
        return {"rows": [list(row) for row in frame.select(*told).collect()]}


def main() -> None:
    driver = Driver(Path(sys.argv[1]))
    say(ready=True)
    for line in sys.stdin:
        command = json.loads(line)
        driver.stop = command.pop("stop", "")
        try:
            say(done=getattr(driver, command.pop("do"))(**command))
        except AfterbellError as error:
            say(error=type(error).__name__, message=str(error))


if __name__ == "__main__":
    main()
