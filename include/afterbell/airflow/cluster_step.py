"""A step whose driver runs on the cluster: launched once, followed without a worker slot, judged by its result.

What is known of a driver is written down before anything else is done, so that the next try takes up the driver of a
try whose worker died. Two drivers may still run at once (one was lost, or did not end): only one of them commits.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowTaskTimeout, TaskDeferralTimeout

from afterbell.airflow.attempt import DriverAttempt, create, digest_of, end, forget
from afterbell.airflow.connections import SparkTarget
from afterbell.airflow.driver_trigger import DriverEvent, DriverTrigger
from afterbell.airflow.links import LINKS
from afterbell.airflow.outage import WAITED_FOR, StoreAwayError
from afterbell.airflow.results import AttemptNotes, reason_in
from afterbell.cluster.diagnosis import find_place_cause, place_text, require_place
from afterbell.cluster.driver import EXIT_PERMANENT
from afterbell.cluster.driver_log import DriverLog, clean, driver_log, driver_page
from afterbell.cluster.driver_status import DriverState, DriverStatus
from afterbell.cluster.driver_watch import DriverLimits, Ending
from afterbell.cluster.launch import Launch
from afterbell.cluster.managers import refusal_in
from afterbell.cluster.profile import ClusterProfile
from afterbell.cluster.secrets import secret_values
from afterbell.cluster.sizing import memory_hint
from afterbell.config.platform import Folders
from afterbell.errors import PermanentError, RetryableError, StoreUnavailableError, UnknownOutcomeError
from afterbell.run.contracts.base import Result
from afterbell.run.contracts.notes import StepFailure
from afterbell.run.contracts.opened import OpenedRun

KILL_SECONDS = 30.0
"""How long to wait for the end of a driver that was killed."""
GRACE = timedelta(minutes=5)
"""How long after the last instant of a wait the task gives up on a triggerer that does not answer."""
_ONE_COMMITS = "If two drivers of a step run, only one of them commits."


@dataclass(frozen=True)
class Job:
    """The driver to launch.

    Attributes:
        step: its name.
        run: session, run id, deadline.
        script: the application's file.
        arguments: of the script, without the attempt.
        target: the cluster.
        environment: variables of the stores, keys included; never stored by Airflow.
        folders: the project.
        conf: Spark properties besides those of the cluster's profile.
    """

    step: str
    run: OpenedRun
    script: Path
    arguments: list[str]
    target: SparkTarget
    environment: Mapping[str, str]
    folders: Folders
    conf: Mapping[str, str] = field(default_factory=dict)

    @property
    def properties(self) -> dict[str, str]:
        """The Spark properties that the profile and the step set for its driver."""
        return self.target.cluster.spark_conf() | dict(self.conf)

    def launch(self) -> Launch:
        """The launch that its driver is created from."""
        return Launch(self.folders, self.target.cluster, self.script, self.environment, self.conf)

    def notes(self, token: str) -> AttemptNotes:
        """The notes about the attempt ``token`` in the artifact store."""
        return AttemptNotes(self.run.session.isoformat(), self.run.run_id, self.step, token)


class ClusterStep(BaseOperator):
    """The part of a Spark step that launches, follows and judges a driver on the cluster."""

    operator_extra_links = LINKS
    places: dict[str, str] = {}  # noqa: RUF012 - replaced, never changed in place
    _attempt: DriverAttempt | None = None
    _job: Job | None = None

    def show_places(self, cluster: ClusterProfile, driver: str = "") -> None:
        """Set the addresses behind the buttons of the task's page; see ``links``."""
        page = driver_page(cluster.manager, cluster.master_ui, driver) if driver else ""
        self.places = {"cluster": cluster.master_ui, "driver": page, "history": cluster.history_server}

    def job(self, context: Context) -> Job:
        """The job to launch, from the connections and the results of the steps before."""
        raise NotImplementedError

    def on_cluster(self, context: Context, job: Job) -> Result:
        """Take up the driver of a former try, or launch a new one; the triggerer waits for it.

        Raises:
            AirflowFailException: trying again cannot help.
            AirflowException: the task's retries apply.
        """
        with _as_airflow_errors():
            return self._launch_or_take_up(context, job)

    def _launch_or_take_up(self, context: Context, job: Job) -> Result:
        self._job = job
        store, cluster = _state_store(context), job.target.cluster
        requests = job.launch().place_files()
        digest = digest_of(requests.request(*job.arguments), job.arguments, job.script.read_bytes())
        former = DriverAttempt.read(store)
        if former is not None:
            result = self._take_up(context, job, former, digest)
            if result is not None:
                return result
        require_place(cluster, job.properties)
        attempt = DriverAttempt(
            uuid.uuid4().hex,
            digest,
            cluster.rest_address,
            datetime.now(UTC).isoformat(),
            manager=cluster.manager.name,
        )
        attempt.keep(store)
        job.notes(attempt.token).announce(job.environment)
        driver = create(
            attempt.server,
            requests.request(*job.arguments, "--attempt", attempt.token),
            cluster.registered_seconds,
            lambda text: self.log.warning("%s", text),
        )
        self._attempt = attempt = replace(attempt, driver=driver)
        attempt.keep(store)
        self.log.info("driver %s is launched on %s", driver, job.target.master)
        return self._follow(job, attempt)

    def _take_up(self, context: Context, job: Job, former: DriverAttempt, digest: str) -> Result | None:
        """Follow the driver of a former try, or return the result it left; None where a new driver is needed."""
        notes = job.notes(former.token)
        if former.digest == digest and not notes.killed(job.environment):
            if former.driver:
                self.log.info("a former try launched driver %s: it is followed on", former.driver)
                self._attempt = former
                self._follow(job, former)
            result = notes.result(job.environment)
            if result is not None:
                self._forget(context)
                return result
            self.log.warning(
                "a former try ended while it launched a driver: there may be one of unknown id. %s", _ONE_COMMITS
            )
        elif former.driver:
            self.log.info("driver %s of a former try is no longer needed", former.driver)
            self._end(former)
        return None

    def _follow(self, job: Job, attempt: DriverAttempt) -> NoReturn:
        now, cluster = datetime.now(UTC), job.target.cluster
        self.show_places(cluster, attempt.driver)
        overtime = now + self.execution_timeout if self.execution_timeout else None
        limits = DriverLimits(
            began=datetime.fromisoformat(attempt.began),
            deadline=job.run.deadline,
            overtime=overtime,
            queued=timedelta(seconds=cluster.first_executor_seconds),
            missing=cluster.manager.require_nodes().forgets,
        )
        notes = asdict(job.notes(attempt.token))
        trigger = DriverTrigger(attempt.url, attempt.driver, notes, limits.to_json(), attempt.manager)
        self.defer(trigger=trigger, method_name="resume", timeout=overtime - now + GRACE if overtime else None)
        raise AssertionError("unreachable")  # to defer is to raise

    def judged(self, context: Context, event: DriverEvent) -> Result:
        """Judge what the trigger saw; result and errors are those of ``on_cluster``."""
        with _as_airflow_errors():
            return self._resume(context, self.job(context), event)

    def _resume(self, context: Context, job: Job, event: DriverEvent) -> Result:
        store = _state_store(context)
        attempt = self._attempt = DriverAttempt.read(store)
        if attempt is None or not attempt.driver:
            raise AirflowException("the driver's record is missing from the task's state store: starting a new driver")
        ending, status = Ending(event["ending"]), DriverStatus.from_json(event["status"])
        if ending is Ending.UNREACHABLE:
            raise AirflowException(
                f"{attempt.url} did not answer within the limit, and driver {attempt.driver} may still be running: the "
                f"next try reads its status again ({event['trouble']})"
            )
        self._job = job
        self.show_places(job.target.cluster, attempt.driver)
        log = self._show_log(job, attempt)
        if ending in {Ending.UNSTARTED, Ending.OVERTIME}:
            error = self._timeout_error(job, ending, attempt)  # asks the cluster while the driver waits there
            self._end(attempt)
            self._forget(context)
            raise error
        return self._judge(context, job, attempt, status if ending is Ending.OVER else None, log)

    def _judge(
        self, context: Context, job: Job, attempt: DriverAttempt, status: DriverStatus | None, log: DriverLog
    ) -> Result:
        """The result of the attempt, or raise why it has none; ``status`` is None if the cluster forgot the driver."""
        notes, environment = job.notes(attempt.token), job.environment
        result = notes.result(environment)
        reason = None if result is not None else notes.failure(environment)
        killed = status is not None and status.state is DriverState.KILLED and notes.killed(environment)
        self._forget(context)
        if result is not None:
            return result
        output = "\n".join(log.tails.values())
        refusal = refusal_in(output)
        known_reason = reason or reason_in(output, job.step)
        if known_reason is not None and known_reason.kind in WAITED_FOR:
            raise StoreAwayError(f"step {job.step!r} failed: {_format_reason(known_reason)}")
        if reason is not None and reason.permanent:
            text = _format_reason(reason)
            raise AirflowFailException(f"step {job.step!r} failed: {refusal.add_to(text) if refusal else text}")
        if refusal:  # a driver that couldn't leave its reason in the store
            text = f"driver {attempt.driver} of step {job.step!r} was refused by {refusal.by}"
            raise AirflowFailException(refusal.add_to(text))
        if killed:  # by whoever cleared the task: this try came before the driver had ended
            self.log.info("driver %s was killed when the task was cleared: launching another", attempt.driver)
            return self.on_cluster(context, job)
        hint = memory_hint(_evidence(status, reason, log), job.target.cluster.driver_memory)
        if reason is not None:
            failure = AirflowException(f"step {job.step!r} failed: {_format_reason(reason)}")
        else:
            failure = _unexplained_error(job.step, attempt.driver, status)
        if hint and context["ti"].try_number > 1:  # the next try rarely has more memory
            raise AirflowFailException(f"{hint} (in the cluster profile)\n{failure}")
        raise AirflowException(f"{hint} (in the cluster profile)\n{failure}") if hint else failure

    def _timeout_error(self, job: Job, ending: Ending, attempt: DriverAttempt) -> BaseException:
        cluster = job.target.cluster
        if ending is Ending.OVERTIME:
            return AirflowTaskTimeout(
                f"driver {attempt.driver} was killed: it ran longer than {self.execution_timeout}"
            )
        cause = place_text(cluster, job.properties, find_place_cause(cluster, job.properties))
        return AirflowException(
            f"no node accepted driver {attempt.driver} within {cluster.first_executor_seconds} s on "
            f"{job.target.master}, and it was withdrawn: {cause}. The limit is first_executor_seconds of the cluster "
            "profile"
        )

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """Called by Airflow when a deferred task goes on; a wait that took too long ends its driver."""
        try:
            return super().resume_execution(next_method, next_kwargs, context)
        except TaskDeferralTimeout:
            attempt = DriverAttempt.read(_state_store(context))
            if attempt is not None and attempt.driver:
                self._end(attempt)
                self._forget(context)
            raise

    def _forget(self, context: Context) -> None:
        self._attempt = None
        forget(_state_store(context))

    def _end(self, attempt: DriverAttempt) -> None:
        trouble = end(attempt.server, attempt.driver, KILL_SECONDS)
        if trouble:
            self.log.error("driver %s may still be running: %s. %s", attempt.driver, trouble, _ONE_COMMITS)
        else:
            self.log.info("driver %s has ended", attempt.driver)

    def end_driver(self) -> None:
        """End the driver; called by ``on_kill`` while a worker holds the task."""
        if self._attempt is None or not self._attempt.driver:
            return
        if self._job is not None:
            try:
                self._job.notes(self._attempt.token).mark_killed(self._job.environment)
            except (RetryableError, PermanentError) as error:
                self.log.warning("driver %s could not be marked as killed: %s", self._attempt.driver, error)
        self._end(self._attempt)

    def _show_log(self, job: Job, attempt: DriverAttempt) -> DriverLog:
        cluster = job.target.cluster
        secrets = secret_values(job.environment)
        log = driver_log(cluster.manager, cluster.master_ui, attempt.driver, secrets)
        self.places = self.places | ({"driver": log.page} if log.page else {})
        for kind, text in log.tails.items():
            if text.strip():
                self.log.info("the end of the driver's %s:\n%s", kind, text.rstrip())
        if log.page:
            self.log.info("all of the driver's log: %s", log.page)
        if log.trouble:
            self.log.warning("the log of driver %s could not be read: %s", attempt.driver, log.trouble)
        return log


@contextmanager
def _as_airflow_errors() -> Iterator[None]:
    """Convert the project's errors to those that Airflow retries, or does not retry."""
    try:
        yield
    except PermanentError as error:
        raise AirflowFailException(f"{type(error).__name__}: {error}") from error
    except UnknownOutcomeError as error:
        raise AirflowException(f"{error}. The next try launches another. {_ONE_COMMITS}") from error
    except StoreUnavailableError as error:
        raise StoreAwayError(f"{type(error).__name__}: {error}") from error
    except RetryableError as error:
        raise AirflowException(f"{type(error).__name__}: {error}") from error


def _format_reason(reason: StepFailure) -> str:
    return f"{reason.kind}: {clean(reason.message)}"


def _evidence(status: DriverStatus | None, reason: StepFailure | None, log: DriverLog) -> str:
    """All texts that may show a lack of memory."""
    exited = f"exit status {status.exit_status}" if status is not None and status.exit_status is not None else ""
    if status is not None and "signal Killed" in status.message:
        exited = "exit status 137"
    return "\n".join([exited, _format_reason(reason) if reason else "", *log.tails.values()])


def _unexplained_error(step: str, driver: str, status: DriverStatus | None) -> AirflowException:
    """The error for a driver that left neither result nor reason."""
    if status is None:
        return AirflowException(
            f"the cluster has no driver {driver} of step {step!r}, and the driver wrote no result: its manager was "
            f"restarted, and the driver may still be running. {_ONE_COMMITS}"
        )
    if status.state is DriverState.FINISHED:
        return AirflowException(
            f"driver {driver} of step {step!r} succeeded, but its result is not in the artifact store: check that the "
            "connection afterbell_s3 names the store that the driver writes to"
        )
    message = f": {status.message}" if status.message else ""
    where = f" on {status.worker}" if status.worker else ""
    text = f"driver {driver} of step {step!r} ended as {status.state.value}{where}{message}"
    if status.exit_status == EXIT_PERMANENT:
        return AirflowFailException(text)
    if status.state is DriverState.LOST:
        return AirflowException(f"{text}; it may still be running. {_ONE_COMMITS}")
    return AirflowException(f"{text}; it recorded no reason: see the end of its log")


def _state_store(context: Context) -> Any:
    store = context.get("task_state_store")
    if store is None:
        raise AirflowFailException("this Airflow has no task state store: it must be 3.3 or newer")
    return store
