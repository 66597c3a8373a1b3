"""Opening a driver's Spark session on a cluster, and ending the driver where the cluster never serves it.

To Spark a master that can't be reached and a request that no offer meets are no errors: it waits for ever. So a thread
looks at the driver every second and, once the profile's limits are over, prints why and ends the process, JVM included.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Mapping
from typing import NoReturn

from pyspark import SparkConf, SparkContext
from pyspark.sql import SparkSession

from afterbell.cluster.diagnosis import find_executor_cause
from afterbell.cluster.driver import EXIT_PERMANENT, PASSED_ON, RECORD, STEP
from afterbell.cluster.executor_timeout import DriverView, ExecutorLimits, ExecutorPatience, Verdict
from afterbell.cluster.managers import manager_of
from afterbell.cluster.managers.base import Nodes
from afterbell.cluster.managers.contract import DriverErrors
from afterbell.cluster.properties import FIRST_EXECUTOR_SECONDS, REGISTERED_SECONDS
from afterbell.errors import (
    AfterbellError,
    ClusterUnavailableError,
    NoResourcesError,
    PermanentError,
)

_LOOK = 1.0
_HALT_SECONDS = 5.0
_RECORD_SECONDS = 20.0
_RETRYABLE = 1


def open_session(builder: SparkSession.Builder) -> SparkSession:
    """The session of ``builder``, watched for as long as the process lives where it runs on a cluster.

    Raises:
        ClusterUnavailableError: the cluster manager refused the driver.
        ConfigError: the cluster manager rejected the driver, what it needs on this machine is missing, or
            ``spark.authenticate`` has no secret.
    """
    if "PYSPARK_GATEWAY_PORT" not in os.environ:  # not submitted: started by a test or in a shell
        return builder.getOrCreate()
    SparkContext._ensure_initialized()  # noqa: SLF001 - reaches the JVM, whose properties state where this runs
    properties = dict(SparkConf().getAll())
    nodes = manager_of(properties.get("spark.master", "local")).nodes
    if nodes is None:
        return builder.getOrCreate()
    for settings_of in PASSED_ON:
        for name, value in settings_of(properties, os.environ).items():
            builder = builder.config(name, value)
    errors = nodes.driver_errors(SparkContext._jvm)  # noqa: SLF001
    watch = Watch(properties, nodes, errors)
    watch.start()
    try:
        session = builder.getOrCreate()
    except Exception as error:
        watch.over.set()
        raise _session_error(properties, error, nodes, errors) from error
    watch.context = session.sparkContext
    if errors is not None:
        errors.close()
    return session


class Watch(threading.Thread):
    """Looks at the driver of this process until ``over`` is set.

    Args:
        properties: Spark's properties of this driver.
        nodes: what its cluster manager does.
        errors: those that the cluster manager reports to the driver; None where it reports none.
    """

    def __init__(self, properties: Mapping[str, str], nodes: Nodes, errors: DriverErrors | None = None) -> None:
        super().__init__(name="afterbell-watch", daemon=True)
        self.over = threading.Event()
        self.context: SparkContext | None = None
        self._properties, self._nodes, self._errors = dict(properties), nodes, errors
        self._step, self._record = STEP.get(), RECORD.get()
        self._limits = ExecutorLimits(
            float(properties.get(REGISTERED_SECONDS, "60")), float(properties.get(FIRST_EXECUTOR_SECONDS, "180"))
        )
        by_need = properties.get("spark.dynamicAllocation.enabled") == "true"
        by_task = nodes.by_task(properties)
        self._patience = ExecutorPatience(self._limits, time.monotonic(), eager=not (by_need or by_task))

    def run(self) -> None:
        """Look until a limit is over; then end the process."""
        while not self.over.wait(_LOOK):
            view = self._take_view()
            verdict = self._patience.look(time.monotonic(), view) if view else "wait"
            if verdict != "wait":
                error = self._build_error(verdict)
                self._record_reason(error)
                _end_process(self._step, error)

    def _record_reason(self, error: AfterbellError) -> None:
        """Put the reason into the artifact store, if that answers soon: the log of a driver may be out of reach."""
        if self._record is not None:
            leaving = threading.Thread(target=self._record, args=(error,), daemon=True)
            leaving.start()
            leaving.join(_RECORD_SECONDS)

    def _take_view(self) -> DriverView | None:
        """The driver's state now; None while the context is being stopped."""
        if self.context is None:
            return DriverView(up=False)
        try:
            context = self.context._jsc.sc()  # noqa: SLF001
            if context.isStopped():
                return None
            executors = context.getExecutorMemoryStatus().size() - 1  # the driver is one of them
            return DriverView(up=True, executors=executors, busy=bool(self.context.statusTracker().getActiveJobsIds()))
        except Exception:  # noqa: BLE001 - the main thread stops the context, or the process ends
            return None

    def _build_error(self, verdict: Verdict) -> AfterbellError:
        if self.context is None and self._errors is not None and (error := self._errors.refusal(self._properties)):
            return error
        if verdict == "not accepted" or self.context is None:
            what = f"has not accepted this driver within {self._limits.registered:.0f} s"
            return _unanswered(self._properties, self._nodes, what)
        request = self._nodes.executor_request(self._properties)
        cause = find_executor_cause(request, self.context.applicationId)
        what = "lost all of its executors and got none" if verdict == "executors lost" else "got no executor"
        return NoResourcesError(
            f"the driver {what} for {self._limits.first_executor:.0f} s from {request.master}: {cause}\n"
            f"Requested: {request.settings('spark.executor.memory', 'spark.executor.cores', 'spark.cores.max')} "
            f"(first_executor_seconds of the cluster profile is the limit). Application {self.context.applicationId}"
            + (f" on {request.ui}" if request.ui else "")
        )


def _unanswered(properties: Mapping[str, str], nodes: Nodes, what: str) -> ClusterUnavailableError:
    request = nodes.executor_request(properties)
    settings = request.settings(*nodes.acceptance, "spark.driver.host")
    return ClusterUnavailableError(
        f"{request.master} {what}: check that the master runs, that {socket.gethostname()} can connect to it, and that "
        f"it can connect to the driver (spark.driver.host, LIBPROCESS_IP on Mesos). "
        f"{settings or 'No role or driver host is set'}. "
        "registered_seconds of the cluster profile is the limit; the master's log shows refusals"
    )


def _session_error(
    properties: Mapping[str, str], error: Exception, nodes: Nodes, errors: DriverErrors | None
) -> AfterbellError:
    text = str(error)
    meaning = nodes.session_error(properties, text, errors)
    if meaning is not None:
        return meaning
    cause = next((line.strip() for line in text.splitlines() if "Exception" in line or "Error" in line), text[:300])
    return _unanswered(properties, nodes, f"refused this driver ({cause})")


def _end_process(step: str, error: AfterbellError) -> NoReturn:
    """Print the reason and end the process with its JVM, at once: an orderly stop would wait for the cluster, too."""
    text = f"{step}: {type(error).__name__}: {error}"
    status = EXIT_PERMANENT if isinstance(error, PermanentError) else _RETRYABLE
    sys.stdout.flush()
    printed = threading.Event()

    def halt() -> None:
        jvm = SparkContext._jvm  # noqa: SLF001
        if jvm is not None:
            # By the JVM, whose output the submitter reads: this process's own would be cut off with it.
            jvm.java.lang.System.err.println(text)
            jvm.java.lang.System.err.flush()
            printed.set()
            jvm.java.lang.Runtime.getRuntime().halt(status)

    halting = threading.Thread(target=halt, daemon=True)
    halting.start()
    halting.join(_HALT_SECONDS)
    if not printed.is_set():
        print(text, file=sys.stderr, flush=True)
        time.sleep(_LOOK)  # for the parent to pass it on
        os.kill(os.getppid(), signal.SIGKILL)
    os._exit(status)
