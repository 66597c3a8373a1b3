"""``doctor --profile``: a small Spark job from end to end, and what it saw on the driver and on every executor."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from afterbell.cli.context import Opened, stores
from afterbell.cli.finding import Finding
from afterbell.cluster.diagnosis import find_place_cause, place_text, require_place
from afterbell.cluster.driver_log import driver_log
from afterbell.cluster.driver_status import DriverState
from afterbell.cluster.launch import Launch, submissions_at
from afterbell.cluster.profile import ClusterProfile, load_profile
from afterbell.cluster.secrets import cluster_secrets, open_doors, secret_values, weak_secrets
from afterbell.cluster.share import placed
from afterbell.cluster.submission import spark_submit, submission
from afterbell.durations import format_duration
from afterbell.embedded.child import guarded
from afterbell.embedded.process import last_lines
from afterbell.errors import AfterbellError, ObjectMissingError, StepFailedError
from afterbell.run.contracts.notes import StepFailure
from afterbell.run.contracts.releases import ProbedExecutor, ProbeInputs, ProbeResult
from afterbell.run.job import StepArgs, failure_key, result_key
from afterbell.run.steps import PROBE
from afterbell.stores.artifacts import ArtifactStore

_SPARE_SECONDS = 300
_LOOK_SECONDS = 2.0
_LINES = 10


Taken = TypeVar("Taken", ProbeResult, StepFailure)


@dataclass(frozen=True)
class _Job:
    """One run of ``spark_jobs/probe.py`` on the cluster of a profile."""

    opened: Opened
    cluster: ClusterProfile
    args: StepArgs[ProbeInputs]

    @property
    def script(self) -> Path:
        return self.opened.folders.root / "spark_jobs" / f"{PROBE.name}.py"

    @property
    def seconds(self) -> float:
        """How long it may take: Spark's own limits end it before, unless the driver itself never starts."""
        return self.cluster.registered_seconds + self.cluster.first_executor_seconds + _SPARE_SECONDS

    def arguments(self) -> list[str]:
        args = self.args
        return [
            "--session", args.session.isoformat(), "--run-id", args.run_id,
            "--deadline", args.deadline.isoformat(), "--inputs", json.dumps(args.inputs.to_json(), sort_keys=True),
        ]  # fmt: skip

    def take(self, key: str, model: type[Taken]) -> Taken | None:
        """The document ``key`` that the driver left in the artifact store, which is then removed."""
        store = ArtifactStore(self.opened.runtime.s3)
        try:
            document = model.read(store.get(key))
        except ObjectMissingError:
            return None
        store.delete(key)
        return document


def cluster_findings(name: str, *, quiet: bool) -> Iterator[Finding]:
    """Submit the probe with the profile ``name`` and report what it saw; embedded stores run only meanwhile.

    Raises:
        AfterbellError: it could not be submitted.
    """
    cluster = load_profile(name)
    for text in open_doors(cluster):
        yield Finding("security", "warn", text)
    with stores("s3", "hdfs", quiet=quiet) as opened:
        for text in weak_secrets(cluster, os.environ | opened.env):
            yield Finding("security", "missing", text)
        began = time.monotonic()
        try:
            probe = _run_probe(_make_job(opened, cluster))
        except AfterbellError as error:
            yield Finding("probe", "missing", str(error), f"include/config/clusters/{name}.yaml, docs/clusters.md")
            return
    took = format_duration(time.monotonic() - began)
    yield Finding("probe", "ok", f"{cluster.master} ran {probe.application} in {took}")
    yield from findings_of(probe)


def _make_job(opened: Opened, cluster: ClusterProfile) -> _Job:
    now = datetime.now(UTC)
    inputs = ProbeInputs(share=_place_shared_file(cluster, opened)) if cluster.share else ProbeInputs()
    run_id = f"doctor__{now:%Y%m%dT%H%M%S}_{os.getpid()}"
    # Its deadline has passed: a driver that can't reach a store must report that, not wait for it.
    return _Job(opened, cluster, StepArgs(PROBE.name, now.date(), run_id, now, inputs))


def _place_shared_file(cluster: ClusterProfile, opened: Opened) -> str:
    """The address of a small file in the profile's share."""
    with tempfile.TemporaryDirectory(prefix="afterbell-doctor-") as folder:
        file = Path(folder) / "probe.txt"
        file.write_text("afterbell doctor\n", encoding="utf-8")
        return placed(cluster.share, {"probe": file}, opened.env)["probe"]


def _run_probe(job: _Job) -> ProbeResult:
    """The probe's result.

    Raises:
        StepFailedError: the job failed; the message is its own.
    """
    reason = _run_on_cluster(job) if job.cluster.deploy_mode == "cluster" else _run_here(job)
    key = (job.args.session, job.args.run_id, PROBE.name)
    result, failure = job.take(result_key(*key), ProbeResult), job.take(failure_key(*key), StepFailure)
    if result is not None:
        return result
    raise StepFailedError(f"{failure.kind}: {failure.message}" if failure else reason)


def _run_here(job: _Job) -> str:
    """Run the driver here; returns the message for the case that it left no result."""
    folders = job.opened.folders
    parts = submission(folders, job.cluster.master)
    log = folders.home / "logs" / f"{job.args.run_id}.log"
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "AIRFLOW"))}
    argv = spark_submit(parts, job.cluster, job.script, job.arguments())
    with guarded(argv, kept | job.opened.env | parts.environment, log) as process:
        try:
            status = process.wait(job.seconds)
        except subprocess.TimeoutExpired:
            return f"the driver took more than {format_duration(job.seconds)}; its log is {log}"
    own = [
        line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.startswith(PROBE.name)
    ]
    message = own[-1].removeprefix(f"{PROBE.name}: ") if own else last_lines(log)
    return f"{message} (exit status {status}; the whole log: {log})"


def _run_on_cluster(job: _Job) -> str:
    """Run the driver on the cluster; returns the message for the case that it left no result."""
    folders = job.opened.folders
    env = job.opened.env | cluster_secrets(job.cluster, os.environ)
    require_place(job.cluster, job.cluster.spark_conf())
    requests = Launch(folders, job.cluster, job.script, env).place_files()
    server = submissions_at(job.cluster.rest_address, job.cluster.manager.name)
    driver = server.create(requests.request(*job.arguments()))
    began, limit = time.monotonic(), job.cluster.first_executor_seconds
    while not (status := server.status(driver)).state.over:
        took = time.monotonic() - began
        if status.state is DriverState.QUEUED and took > limit:
            properties = job.cluster.spark_conf()
            cause = place_text(job.cluster, properties, find_place_cause(job.cluster, properties))
            server.kill(driver)
            limit_text = f"{limit} s (first_executor_seconds)"
            return f"no node accepted driver {driver} within {limit_text}, and it was killed: {cause}"
        if took > job.seconds:
            server.kill(driver)
            spent = format_duration(job.seconds)
            return f"driver {driver} was {status.state} for {spent} and was killed: {status.message}"
        time.sleep(_LOOK_SECONDS)
    log = driver_log(job.cluster.manager, job.cluster.master_ui, driver, secret_values(env))
    log_end = "\n".join(line for text in log.tails.values() for line in text.splitlines()[-_LINES:]) or log.trouble
    return f"driver {driver} ended as {status.state} on {status.worker or 'the cluster'}: {status.message}\n{log_end}"


def findings_of(probe: ProbeResult) -> Iterator[Finding]:
    """The findings that follow from the probe's result."""
    driver = probe.driver
    yield Finding(
        "driver", "ok",
        f"{driver.host}: Python {driver.python}, Java {driver.java}, PySpark {driver.packages['pyspark']}, "
        f"{driver.cores} cores",
    )  # fmt: skip
    for executor in probe.executors:
        yield _executor_finding(executor)
    majors = {java.split(".")[0] for java in (driver.java, *probe.javas)}
    if len(majors) > 1:
        yield Finding("java", "warn", f"executors run on {', '.join(probe.javas)}, the driver on {driver.java}")
    for name, advice in _TROUBLES.items():
        if name == "share" and probe.share is None:
            continue
        troubles = {getattr(probe, name, "") or ""}
        seen = [(executor.host, getattr(executor, name, "")) for executor in probe.executors]
        troubles |= {f"{host}: {trouble}" for host, trouble in seen if trouble}
        yield from (Finding(name, "missing", text, advice) for text in sorted(troubles - {""}))
        if troubles == {""}:
            yield Finding(name, "ok", "seen from the driver and from every executor")


_TROUBLES = {
    "rooms": "executors need this library and its packages: see python, environment_archive and image",
    "stores": "S3 and HDFS must be reached from every node; keys: credentials in the profile",
    "warehouse": "the lake's files must be the same on every node: hdfs://, s3a:// or a shared folder",
    "catalog": "the lake's catalog must be reached from the driver",
    "share": "share must be read by every node",
}


def _executor_finding(executor: ProbedExecutor) -> Finding:
    name = f"executor {executor.executor}"
    if executor.differs:
        return Finding(
            name, "missing", "; ".join(executor.differs),
            "set python or environment_archive in the profile: executors must run the driver's packages",
        )  # fmt: skip
    return Finding(
        name,
        "ok",
        f"the driver's Python and packages, {executor.cores} cores, {executor.memory_gb} GB on its host",
    )
