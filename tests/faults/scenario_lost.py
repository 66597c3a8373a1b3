"""A lake in a real S3 that loses one file after another, and what the steps on it say each time; written as JSON."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Callable
from contextlib import redirect_stderr
from datetime import date
from pathlib import Path
from typing import Any

import boto3

from afterbell.config.runtime import Runtime
from afterbell.errors import AfterbellError
from afterbell.features.job import features
from afterbell.ingest.write import AUDITED
from afterbell.lake import reader
from afterbell.lake.commit import head
from afterbell.lake.spark import lake_session
from afterbell.quality.job import validate
from afterbell.run.contracts.base import Result
from afterbell.run.job import StepArgs, run_step
from afterbell.run.steps import step_named
from afterbell.stores.factory import drop_store
from spark_jobs.ingest import ingest
from tests.faults import market

BUCKET = "faults-lake"
Step = Callable[[StepArgs[Any]], Result]


class Scenario:
    def __init__(self) -> None:
        os.environ |= {"AFTERBELL_FEED_BUCKET": BUCKET, "AFTERBELL_LAKE_WAREHOUSE": f"s3a://{BUCKET}/warehouse"}
        os.environ["AFTERBELL_HDFS_ROOT"] += "/faults-lost"
        self.runtime = Runtime.from_env()
        for kind in ("s3", "hdfs"):
            drop_store(kind, self.runtime).ensure()  # type: ignore[attr-defined]
        self.client = boto3.client("s3", endpoint_url=self.runtime.s3.endpoint, region_name="us-east-1")
        for number in range(4):
            self.client.put_object(
                Bucket=BUCKET, Key=market.prices_key(number), Body=market.packed(market.whole(number))
            )
        self.spark = lake_session(self.runtime, "lost")

    def step(self, name: str, body: Step, session: date, **inputs: object) -> dict[str, Any]:
        """A step as a driver runs it: its result, or its exit status and what it said."""
        result: dict[str, Any] = {}

        def kept(args: StepArgs[Any]) -> Result:
            done = body(args)
            result.update(done.to_json())
            return done

        said = io.StringIO()
        argv = ["--session", session.isoformat(), "--run-id", f"lost__{session}", "--deadline"]
        with redirect_stderr(said):
            status = run_step(
                step_named(name), kept, [*argv, "2099-01-01T00:00:00+00:00", "--inputs", json.dumps(inputs)]
            )
        return {**result, "status": status, "said": said.getvalue()}

    def publish(self, number: int) -> dict[str, Any]:
        first = self.step("ingest", ingest, market.day(number))
        return self.step("validate", validate, market.day(number), branch=first["branch"])

    def file_of(self, table: str, kind: str = "files", column: str = "file_path") -> str:
        return str(min(row[0] for row in self.spark.table(f"lake.{table}.{kind}").select(column).collect()))

    def paths(self, table: str) -> set[str]:
        return {str(row[0]) for row in self.spark.table(f"lake.{table}").select("_file").distinct().collect()}

    def without(self, path: str, action: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """What ``action`` comes to while the file at ``path`` is gone; it is put back afterwards."""
        place = {"Bucket": BUCKET, "Key": path.removeprefix(f"s3a://{BUCKET}/")}
        body, before = self.client.get_object(**place)["Body"].read(), self.heads()
        self.client.delete_object(**place)
        found = action()
        moved = self.heads() != before
        self.client.put_object(**place, Body=body)
        return {**found, "path": path, "moved": moved}

    def heads(self) -> dict[str, int]:
        return {table.name: head(self.spark, table) for table in AUDITED}

    def read(self) -> dict[str, Any]:
        try:
            reader.scan(self.runtime, "market.bars")
        except AfterbellError as error:
            return {"said": f"{type(error).__name__}: {error}"}
        return {"said": "nothing was raised"}

    def run(self) -> dict[str, Any]:
        seen: dict[str, Any] = {"first": self.publish(1)}
        day = market.day(2)
        bars, manifest = self.file_of("market.bars"), self.file_of("market.bars", "manifests", "path")
        names = ("bars_snapshot", "actions_snapshot", "filings_snapshot")
        inputs = {name: seen["first"][name] for name in names}
        for name, path, action in (
            ("ingest", bars, lambda: self.step("ingest", ingest, day)),
            ("ledger", self.file_of("raw.drops"), lambda: self.step("ingest", ingest, day)),
            ("manifest", manifest, lambda: self.step("ingest", ingest, day)),
            ("features", bars, lambda: self.step("features", features, market.day(1), **inputs)),
            ("read", bars, self.read),
        ):
            seen[name] = self.without(path, action)
        opened = self.step("ingest", ingest, day)
        (added,) = self.paths(f"market.bars.branch_{opened['branch']}") - self.paths("market.bars")
        seen["validate"] = self.without(added, lambda: self.step("validate", validate, day, branch=opened["branch"]))
        seen["restored"] = self.step("validate", validate, day, branch=opened["branch"])
        return seen


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(Scenario().run(), default=str), encoding="utf-8")
