"""``doctor``: versions, ports, services, connections; what is missing and how to get it."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Annotated
from urllib.parse import urlsplit

import psutil
import typer

from afterbell.cli.completion import profiles
from afterbell.cli.doctor_cluster import cluster_findings
from afterbell.cli.finding import Finding
from afterbell.cli.options import AsJson
from afterbell.cli.output import print_json, print_text, report_errors
from afterbell.cluster.profile import load_profile
from afterbell.cluster.reach import require_reachable
from afterbell.config.environment import PORTS
from afterbell.config.platform import EMBEDDED, Folders, Platform, load_platform
from afterbell.embedded.ports import is_free
from afterbell.embedded.stack import ServiceStatus, status
from afterbell.errors import AfterbellError
from afterbell.packages import ABSENT, installed_versions
from afterbell.training.packages import all_packages

_MARKS = {"ok": ("✓", "green"), "warn": ("!", "yellow"), "missing": ("✗", "red")}
_JAVA = (8, 11, 17)
_DISK_GB, _MEMORY_GB = 5, 6


@report_errors
def doctor(
    profile: Annotated[
        str | None,
        typer.Option(help="Run a small job with this cluster profile, from end to end.", autocompletion=profiles),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check everything that a run needs; exit status 1 if something is missing."""
    folders, platform = Folders.from_env(), load_platform()
    findings = list(_run_checks(folders, platform, profile or platform.cluster))
    if profile and not any(finding.check == "cluster" and finding.state == "missing" for finding in findings):
        findings += _run_check(lambda: cluster_findings(profile, quiet=as_json))
    if as_json:
        print_json([finding.to_json() for finding in findings])
    else:
        for finding in findings:
            text = finding.text + (f"  → {finding.advice}" if finding.advice else "")
            print_text(_MARKS[finding.state], f" {finding.check:<24}", text, hang=26)
    missing = [finding for finding in findings if finding.state == "missing"]
    if missing:
        if not as_json:
            advice = next((f"{finding.check}: {finding.advice}" for finding in missing if finding.advice), "")
            print_text(("What to do: ", "bold"), advice or f"{missing[0].check}: correct what its line reports.")
        raise typer.Exit(1)


def _run_checks(folders: Folders, platform: Platform, profile: str) -> Iterator[Finding]:
    checks: list[Callable[[], Iterator[Finding]]] = [
        lambda: _python(folders, platform),
        lambda: _packages(folders),
        lambda: _java(folders),
        lambda: _jars(folders, platform),
        lambda: _machine(folders),
        lambda: _cluster(profile),
        lambda: _stores(folders, platform),
        lambda: _ports(folders, platform),
    ]
    for check in checks:
        yield from _run_check(check)


def _run_check(check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    try:
        yield from check()
    except AfterbellError as error:
        yield Finding("configuration", "missing", str(error))


def _python(folders: Folders, platform: Platform) -> Iterator[Finding]:
    yield Finding("python (spark)", "ok", f"{sys.version.split()[0]} in {folders.spark_python.parents[1]}")
    if not platform.embedded_stores() and not (folders.env / "airflow").exists():
        yield Finding("airflow", "ok", "runs elsewhere: nothing is started here")  # in containers
        return
    completed = subprocess.run(
        [str(folders.airflow_python), "-c", "import importlib.metadata as m; print(m.version('apache-airflow'))"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    if completed.returncode:
        yield Finding("airflow", "missing", "can't be imported", "run `make setup`")
    else:
        yield Finding("airflow", "ok", f"{completed.stdout.strip()} in {folders.airflow_python.parents[1]}")


def _packages(folders: Folders) -> Iterator[Finding]:
    text = (folders.root / "requirements-spark.txt").read_text(encoding="utf-8")
    pinned = dict(re.findall(r"^([a-z0-9-]+)(?:\[[^\]]*\])?==(\S+)", text, re.MULTILINE))
    for name, installed in installed_versions(all_packages()).items():
        if installed == ABSENT:
            yield Finding(name, "missing", "not installed", "run `make setup`")
            continue
        as_pinned = installed == pinned.get(name)
        yield Finding(
            name,
            "ok" if as_pinned else "warn",
            installed,
            "" if as_pinned else f"pinned is {pinned.get(name)}: `make setup`",
        )
    try:
        import lightgbm  # noqa: F401, PLC0415 - loads the OpenMP library of the system
    except OSError as error:
        yield Finding("OpenMP", "missing", str(error), "install libgomp (Debian: libgomp1)")


def _java(folders: Folders) -> Iterator[Finding]:
    home = folders.java_home
    completed = subprocess.run(
        [str(home / "bin" / "java"), "-version"], capture_output=True, text=True, timeout=60, check=False
    )
    match = re.search(r'version "(?:1\.)?(\d+)', completed.stderr)
    major = int(match[1]) if match else 0
    good = major in _JAVA
    yield Finding(
        "java", "ok" if good else "missing", f"{major or 'none'} in {home}",
        "" if good else "Spark 3.5 runs on 8, 11 or 17: run `make setup`, which gets one",
    )  # fmt: skip


def _jars(folders: Folders, platform: Platform) -> Iterator[Finding]:
    hdfs = f", {len(folders.hdfs_jars)} for HDFS" if "hdfs" in platform.embedded_stores() else ""
    yield Finding("jars", "ok", f"{len(folders.jars)} for Spark{hdfs} in {folders.env}")


def _machine(folders: Folders) -> Iterator[Finding]:
    folders.home.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folders.home).free / 1e9
    memory = psutil.virtual_memory().available / 1e9
    for name, amount, least in (("disk", free, _DISK_GB), ("memory", memory, _MEMORY_GB)):
        good = amount >= least
        advice = "" if good else f"the demo needs {least} GB"
        yield Finding(name, "ok" if good else "warn", f"{amount:.1f} GB free", advice)


def _cluster(name: str) -> Iterator[Finding]:
    profile = load_profile(name)
    if profile.manager.nodes is None:
        yield Finding("cluster", "ok", f"profile {name}: {profile.master} on this machine")
        return
    try:
        require_reachable(profile, os.environ)
        yield Finding("cluster", "ok", f"profile {name}: {profile.rest_address or profile.master} answers")
    except AfterbellError as error:
        advice = f"start the master, or correct include/config/clusters/{name}.yaml"
        yield Finding("cluster", "missing", f"profile {name}: {error}", advice)


def _stores(folders: Folders, platform: Platform) -> Iterator[Finding]:
    running = {service.name: service for service in status(folders, platform)}
    for name, address in (("s3", platform.s3.endpoint), ("hdfs", platform.hdfs.url)):
        if address == EMBEDDED:
            yield _embedded(name, running.get(name), airflow_runs="airflow" in running)
        else:
            yield from _reachable(name, address)


def _embedded(name: str, service: ServiceStatus | None, *, airflow_runs: bool) -> Finding:
    if service is None and not airflow_runs:
        return Finding(name, "ok", "embedded, not running; commands start it while they need it")
    if service is None:
        return Finding(name, "missing", "embedded, not running, though Airflow's tasks use it", "run `make up`")
    where = f"embedded, pid {service.pid}, port {service.port}"
    if service.healthy:
        return Finding(name, "ok", where)
    again = f"it is started again by itself; if it is still down in a minute, see {service.log}, then run `make up`"
    return Finding(name, "missing", f"{where}: it does not answer", again)


def _reachable(name: str, address: str) -> Iterator[Finding]:
    url = urlsplit("https://s3.amazonaws.com" if address == "aws" else address)
    port = url.port or (443 if url.scheme == "https" else 80)
    try:
        with socket.create_connection((url.hostname or "", port), timeout=3):
            yield Finding(name, "ok", f"{address} answers")
    except OSError as error:
        yield Finding(
            name, "missing", f"{address}: {error}", "correct include/config/platform.yaml, or start the store"
        )


def _ports(folders: Folders, platform: Platform) -> Iterator[Finding]:
    own = {service.port for service in status(folders, platform)}
    for name, port in platform.ports.model_dump().items():
        if port and port not in own and not is_free(port):
            advice = f"free it, or set {PORTS[name]} to another (0 takes any free one)"
            yield Finding(f"port of {name}", "missing", f"{port} is taken", advice)
