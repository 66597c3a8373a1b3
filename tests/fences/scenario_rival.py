"""A Spark driver that runs steps on command, a JSON line in and one out, and stops before a step's commit if asked to.

Commands: ``step`` (name, session, run_id, inputs), which goes through the frame of every job, and ``seen``: what there
is in the lake and in the artifact store. With ``stop`` the driver says that it has reached the step's commit, and waits
for a line.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from pyspark.sql import functions as F  # noqa: N812 - the name the field uses

from afterbell.config.runtime import Runtime
from afterbell.features import job as features
from afterbell.ingest import job as ingest
from afterbell.lake import append
from afterbell.lake.spark import lake_session
from afterbell.lake.tables import BARS, DROPS, OUT_OF_SAMPLE, SIGNALS, Table
from afterbell.quality import job as validate
from afterbell.release import __main__ as release
from afterbell.release import publish
from afterbell.release.catalog import read_champion
from afterbell.run.contracts.base import Result
from afterbell.run.job import StepArgs, result_key, run_step
from afterbell.run.steps import step_named
from afterbell.stores.artifacts import ArtifactStore
from spark_jobs import evaluate, score, train

REAL_STDOUT = os.fdopen(os.dup(1), "w", buffering=1)
os.dup2(2, 1)  # whatever else prints must not disturb the conversation

BODIES: dict[str, Callable[[StepArgs[Any]], Result]] = {
    "ingest": ingest.ingest,
    "validate": validate.validate,
    "features": features.features,
    "train": train.train,
    "evaluate": evaluate.evaluate,
    "publish": release.main,
    "score": score.score,
}
COMMITS: dict[str, tuple[Any, str]] = {
    "ingest": (ingest, "write_branch"),
    "validate": (validate, "publish"),
    "features": (features, "commit"),
    "train": (append, "_land"),
    "evaluate": (evaluate, "write"),
    "publish": (publish, "move"),
    "score": (append, "_land"),
}
"""What of each step makes its work visible to others."""
KEYS = {
    BARS.name: ("symbol", "session", "revision"),
    DROPS.name: ("source", "key", "version", "state"),
    "features.core": ("symbol", "session", "definition_hash"),
    OUT_OF_SAMPLE.name: ("candidate_id", "symbol", "session", "horizon", "family"),
    SIGNALS.name: ("symbol", "session", "horizon", "family", "release_id"),
}


def say(**found: Any) -> None:
    print(json.dumps(found), file=REAL_STDOUT, flush=True)


class Rival:
    """One process; its Spark session lives on from step to step."""

    def __init__(self) -> None:
        self.stop = False
        for module, name in dict.fromkeys(COMMITS.values()):
            self._pause(module, name)

    def _pause(self, module: Any, name: str) -> None:
        real = getattr(module, name)

        def stopping(*args: Any, **kwargs: Any) -> Any:
            if self.stop:
                self.stop = False
                say(stopped=name)
                sys.stdin.readline()
            return real(*args, **kwargs)

        setattr(module, name, stopping)

    def step(self, name: str, session: str, run_id: str, inputs: dict[str, Any]) -> dict[str, Any]:
        deadline = datetime.now(UTC) + timedelta(hours=2)
        said = {"session": session, "run-id": run_id, "deadline": deadline.isoformat(), "inputs": json.dumps(inputs)}
        argv = [f"--{option}={value}" for option, value in said.items()]
        told = io.StringIO()
        with contextlib.redirect_stderr(told):
            status = run_step(step_named(name), BODIES[name], argv)
        if status:
            return {"status": status, "told": told.getvalue()[-2000:]}
        store = ArtifactStore(Runtime.from_env().s3)
        return {"status": 0, **json.loads(store.get(result_key(date.fromisoformat(session), run_id, name)))}

    def seen(self) -> dict[str, Any]:
        """Rows and rows that occur more than once by table, branches that are left, releases and the champion."""
        runtime = Runtime.from_env()
        spark, store = lake_session(runtime, "rival"), ArtifactStore(runtime.s3)
        found: dict[str, Any] = {"rows": {}, "twice": {}, "branches": {}}
        for name, key in KEYS.items():
            frame = spark.table(Table(name, "").full_name)
            found["rows"][name] = frame.count()
            found["twice"][name] = frame.groupBy(*key).count().where(F.col("count") > 1).count()
            refs = spark.table(f"{Table(name, '').full_name}.refs").where("type = 'BRANCH'")
            found["branches"][name] = sorted(row["name"] for row in refs.collect())
        runs = spark.table("lake.ops.runs").groupBy("run_id", "step", "verdict").count().collect()
        champion, _ = read_champion(store)
        return found | {
            "runs": sorted([row["run_id"], row["step"], row["verdict"], row["count"]] for row in runs),
            "releases": sorted({item.key.split("/")[1] for item in store.list("releases/")}),
            "champion": champion.release_id if champion else None,
        }


def main() -> None:
    rival = Rival()
    lake_session(Runtime.from_env(), "rival")
    say(ready=True)
    for line in sys.stdin:
        command = json.loads(line)
        rival.stop = bool(command.pop("stop", False))
        say(done=getattr(rival, command.pop("do"))(**command))


if __name__ == "__main__":
    main()
