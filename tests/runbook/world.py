"""A small market whose sessions are run step by step in one Spark driver, saved and put back between steps.

For scenarios. The steps are those of the daily run, by their own frame (``run_step``): arguments in, result in the
artifact store. The command line speaks to the same stores.
"""

from __future__ import annotations

import io
import json
import os
import shlex
import shutil
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing, redirect_stderr
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from pyspark.sql import SparkSession
from pyspark.sql import functions as F  # noqa: N812 - the name everybody gives it
from typer.testing import CliRunner

from afterbell.config.runtime import Runtime
from afterbell.features.job import features
from afterbell.ingest.job import ingest
from afterbell.quality.job import validate
from afterbell.release.__main__ import main as publish
from afterbell.run.contracts.base import Result
from afterbell.run.job import StepArgs, result_key, run_step
from afterbell.run.steps import STEPS, inputs_of, step_named
from afterbell.simulation.feed import deliveries
from afterbell.simulation.layout import price_key
from afterbell.simulation.market import MarketSpec, simulate
from afterbell.stores.artifacts import ArtifactStore
from afterbell.stores.upload import upload
from spark_jobs.evaluate import evaluate
from spark_jobs.score import score
from spark_jobs.train import train
from tests.small import edit, small_config

BODIES: dict[str, Callable[[StepArgs[Any]], Result]] = {
    "ingest": ingest, "validate": validate, "features": features, "train": train, "evaluate": evaluate,
    "publish": publish, "score": score,
}  # fmt: skip
MARKET = simulate(MarketSpec(symbols=40, sessions=70, last_session=date(2026, 6, 30), faults=False))
DAYS = list(MARKET.dates)
FIRST, SECOND, THIRD = DAYS[-3:]
"""The sessions that are run; those before come along with the first."""


def config_of(folder: Path, name: str) -> Path:
    """The configuration for a small market with one model, and stores of its own."""
    path = small_config(folder) / "models" / "daily.yaml"
    found = yaml.safe_load(path.read_text(encoding="utf-8"))
    for models in (found["families"], found["search"]):
        models.pop("lightgbm")  # what is looked at is where models lie, not what they are
    path.write_text(yaml.safe_dump(found), encoding="utf-8")
    edit(
        folder / "platform.yaml",
        {
            "s3": {"feed_bucket": f"{name}-feed", "artifact_bucket": f"{name}-artifacts"},
            "hdfs": {"root": f"/{name}"},
            "lake": {
                "catalog": f"jdbc:sqlite:{folder.parent}/catalog.db",
                "warehouse": f"file:{folder.parent}/warehouse",
            },
        },
    )
    return folder


@dataclass
class Run:
    """One run of a session: what its steps handed on so far."""

    session: date
    run_id: str
    deadline: datetime
    results: dict[str, dict[str, Any]] = field(default_factory=dict)

    def handed(self, step: str) -> dict[str, Any]:
        opened = {"origin": "manual", "late_drops": [], "missing_drops": []}
        before = STEPS[: STEPS.index(step)]
        return inputs_of(
            step_named(step), [opened, *(self.results[each] for each in before if each in self.results)]
        ).to_json()


@dataclass(frozen=True)
class Saved:
    """The stores at one moment."""

    artifacts: dict[str, bytes]
    feed: dict[str, bytes]
    lake: Path


class World:
    """The stores, the lake and the command line.

    Attributes:
        runtime: of the steps.
        store: the artifact store.
    """

    def __init__(self, home: Path, name: str, sessions: Iterable[date] = DAYS, s3: str = "") -> None:
        """``s3`` is the address of a proxy that the steps reach S3 by."""
        self.home, self.name = home, name
        os.environ |= {
            "AFTERBELL_HOME": os.environ["SERVICES_HOME"],
            "AFTERBELL_CONFIG": str(config_of(home / "config", name)),
            "AFTERBELL_FEED_BUCKET": f"{name}-feed",
            "AFTERBELL_ARTIFACT_BUCKET": f"{name}-artifacts",
            "AFTERBELL_HDFS_ROOT": f"/{name}",
            "AFTERBELL_LAKE_CATALOG": f"jdbc:sqlite:{home}/catalog.db",
            "AFTERBELL_LAKE_WAREHOUSE": f"file:{home}/warehouse",
        }
        # What Iceberg keeps in memory would outlive a lake that is put back.
        uncached = "--conf spark.sql.catalog.lake.cache.expiration-interval-ms=1"
        os.environ["PYSPARK_SUBMIT_ARGS"] = f"{uncached} {os.environ['PYSPARK_SUBMIT_ARGS']}"
        self.runtime = Runtime.from_env()
        self.store = ArtifactStore(self.runtime.s3)
        self.store.ensure_bucket()
        wanted = set(sessions)
        kept = [each for each in deliveries(MARKET) if not _later(each.key, wanted)]
        upload(iter(kept), self.runtime)
        os.environ |= {"AFTERBELL_S3_ENDPOINT": s3} if s3 else {}

    @cached_property
    def feed(self) -> ArtifactStore:
        """The vendor's bucket, as a store of plain objects."""
        return ArtifactStore(replace(self.runtime.s3, artifact_bucket=self.runtime.s3.feed_bucket))

    def deliver(self, session: date, body: bytes | None = None) -> None:
        """The price drop of a session: the market's own, or another body."""
        own = next(each.body for each in deliveries(MARKET) if each.key == price_key(session))
        self.feed.put(price_key(session), own if body is None else body)

    def open(self, session: date, run_id: str, hours: float = 2.0) -> Run:
        """A run, as ``open_run`` makes it."""
        return Run(session, f"{self.name}_{run_id}", datetime.now(UTC) + timedelta(hours=hours))

    def step(self, run: Run, step: str) -> str:
        """Run one step; empty, or ``<Error>: <message>``."""
        argv = [
            "--session", run.session.isoformat(), "--run-id", run.run_id, "--deadline", run.deadline.isoformat(),
            "--inputs", json.dumps(run.handed(step)),
        ]  # fmt: skip
        said = io.StringIO()
        try:
            with redirect_stderr(said):
                status = run_step(step_named(step), BODIES[step], argv)
        except Exception as error:  # noqa: BLE001 - what is no error of ours is told as well
            return f"{type(error).__name__}: {str(error)[:2000]}"
        if status:
            return said.getvalue().partition(f"{step}: ")[2].rstrip()
        run.results[step] = json.loads(self.store.get(result_key(run.session, run.run_id, step)))
        return ""

    def steps(self, run: Run, since: str = "ingest", until: str = "score") -> str:
        """Clear ``since`` and all after it: run them up to ``until``; the first error, with its step."""
        chosen = STEPS[STEPS.index(since) : STEPS.index(until) + 1]
        for step in chosen:
            run.results.pop(step, None)
        for step in chosen:
            error = self.step(run, step)
            if error:
                return f"{step}: {error}"
        return ""

    def command(self, line: str) -> str:
        """Carry out a command line, ``./afterbell ...``, as a shell would read it; what it printed."""
        from afterbell.cli.__main__ import build_app  # noqa: PLC0415

        program, *words = shlex.split(line, comments=True)
        assert program == "./afterbell", line
        kept = dict(os.environ)
        try:
            done = CliRunner().invoke(build_app(), words, catch_exceptions=False)
        finally:
            os.environ.clear()
            os.environ.update(kept)
        return f"status {done.exit_code}\n{done.output}"

    def save(self, name: str) -> Saved:
        """Copy the stores."""
        folder = self.home / "saved" / name
        shutil.copytree(self.home / "warehouse", folder / "warehouse")
        with (
            closing(sqlite3.connect(self.home / "catalog.db")) as source,
            closing(sqlite3.connect(folder / "catalog.db")) as copy,
        ):
            source.backup(copy)
        return Saved(_objects(self.store), _objects(self.feed), folder)

    def put_back(self, saved: Saved) -> None:
        """Make the stores what they were."""
        for store, found in ((self.store, saved.artifacts), (self.feed, saved.feed)):
            there = _objects(store)
            for key in there.keys() - found.keys():
                store.delete(key)
            for key, body in found.items():
                if there.get(key) != body:
                    store.put(key, body)
        _mirror(saved.lake / "warehouse", self.home / "warehouse")
        with (
            closing(sqlite3.connect(saved.lake / "catalog.db")) as source,
            closing(sqlite3.connect(self.home / "catalog.db", timeout=60)) as live,
        ):
            source.backup(live)

    def champion(self) -> str:
        """The release that serves; empty while there is none."""
        found = [each.key for each in self.store.list("champion.json")]
        return str(json.loads(self.store.get("champion.json"))["release_id"]) if found else ""

    def rows(self) -> dict[str, int]:
        """Rows of the tables that a run writes, and how many of the signals are twice."""
        spark = SparkSession.active()
        found = {name: spark.table(f"lake.{name}").count() for name in ("raw.drops", "market.bars", "features.core")}
        twice = (
            "SELECT count(*) FROM (SELECT symbol, session, horizon, family, release_id FROM lake.signals.daily "
            "GROUP BY ALL HAVING count(*) > 1)"
        )
        return found | {"twice": spark.sql(twice).collect()[0][0]}

    def signals(self, session: date) -> list[str]:
        """The releases whose signals stand as of a session."""
        rows = SparkSession.active().table("lake.signals.daily").where(F.col("as_of") == session)
        return sorted(row["release_id"] for row in rows.select("release_id").distinct().collect())


def _later(key: str, wanted: set[date]) -> bool:
    return any(key == price_key(day) for day in set(DAYS) - wanted)


def _objects(store: ArtifactStore) -> dict[str, bytes]:
    return {each.key: store.get(each.key) for each in store.list("")}


def _mirror(source: Path, target: Path) -> None:
    wanted = {path.relative_to(source) for path in source.rglob("*") if path.is_file()}
    for path in [path for path in target.rglob("*") if path.is_file()]:
        if path.relative_to(target) not in wanted:
            path.unlink()
    for each in wanted:
        there = target / each
        if not there.exists() or there.read_bytes() != (source / each).read_bytes():
            there.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / each, there)
