"""Whether executors run the same Python and packages as their driver: if not, equal drops would give other numbers."""

from __future__ import annotations

import os
import platform
import socket
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypedDict, TypeVar

from pyspark.sql import SparkSession

from afterbell.errors import EnvironmentMismatchError
from afterbell.packages import ABSENT, installed_versions

_ROUNDS = 3
_ADVICE = (
    "Set python in the cluster profile to the executors' copy of this environment, or environment_archive to a packed "
    "one (docs/clusters.md); `./afterbell doctor --profile <name>` shows all of it"
)
_TROUBLES = {
    "PYTHON_VERSION_MISMATCH": "executors run another Python than the driver",
    "different version": "executors run another Python than the driver",
    "Cannot run program": "executors cannot start the Python of the cluster profile",
    "No module named": "the executors' Python lacks a package",
    "Error from python worker": "the executors' Python does not start",
}
"""What Spark reports about an environment in which no task can run, and what that means."""


class HostFacts(TypedDict):
    """Python and packages of a process, its host, and what the processes of one executor share."""

    host: str
    executor: str
    python: str
    packages: dict[str, str]


FactsT = TypeVar("FactsT", bound=HostFacts)


def facts(packages: Sequence[str]) -> HostFacts:
    """Python and ``packages`` of this process, its host, and ``executor``: what the processes of one executor share."""
    import pyspark  # noqa: PLC0415 - the executor's own, wherever that came from

    return {
        "host": socket.gethostname(),
        "executor": f"{socket.gethostname()}:{os.getppid()}",
        "python": platform.python_version(),
        "packages": installed_versions(packages) | {"pyspark": pyspark.__version__},
    }


def differences(driver: HostFacts, executor: HostFacts) -> list[str]:
    """The differences between the ``facts`` of the driver and those of an executor, one text each."""
    pairs = {"Python": (driver["python"], executor["python"])} | {
        name: (own, executor["packages"].get(name, ABSENT)) for name, own in driver["packages"].items()
    }
    return [f"{name} is {other} and the driver's is {own}" for name, (own, other) in pairs.items() if own != other]


def on_executors(spark: SparkSession, look: Callable[[], FactsT]) -> list[FactsT]:
    """The results of ``look`` on each executor that is present; the key ``executor`` distinguishes them.

    Raises:
        EnvironmentMismatchError: no task can run in the executors' environment.
    """
    context = spark.sparkContext
    by_executor: dict[str, FactsT] = {}
    for _ in range(_ROUNDS):
        tasks = max(context.defaultParallelism, 1)  # a task a core: the scheduler deals them out in turn
        try:
            answers = context.parallelize(range(tasks), tasks).map(lambda _: look()).collect()
        except Exception as error:
            raise _cannot_run(error) from error
        by_executor |= {answer["executor"]: answer for answer in answers}
        if len(by_executor) >= context._jsc.sc().getExecutorMemoryStatus().size() - 1:  # noqa: SLF001 - less the driver
            break
    return [by_executor[name] for name in sorted(by_executor)]


def _cannot_run(error: Exception) -> Exception:
    text = str(error)
    for symptom, meaning in _TROUBLES.items():
        if symptom in text:
            line = next(line.strip() for line in text.splitlines() if symptom in line)
            return EnvironmentMismatchError(f"{meaning}: {line[:400]}. {_ADVICE}")
    return error


def require_alike(spark: SparkSession, packages: Sequence[str]) -> None:
    """Compare Python, PySpark and ``packages`` of every executor that is present with the driver's, by a task each.

    On the local machine there is nothing to compare.

    Raises:
        EnvironmentMismatchError: one of them differs; the message names the host and what differs.
    """
    # Spark's own local mode. Executors import this module: it goes without the cluster managers and their profiles.
    if spark.sparkContext.master.startswith("local"):
        return
    here = facts(packages)
    wrong = [
        (executor["host"], differences(here, executor)) for executor in on_executors(spark, partial(facts, packages))
    ]
    _refuse([f"{host}: {'; '.join(what)}" for host, what in wrong if what])


def _refuse(wrong: Sequence[str]) -> None:
    if wrong:
        hosts = "\n".join(sorted(set(wrong))[:5])
        raise EnvironmentMismatchError(
            f"executors differ from the driver, so nothing was computed.\n{hosts}\n{_ADVICE}"
        )
