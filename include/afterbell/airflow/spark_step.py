"""One step of a run as a Spark job: Airflow's SparkSubmitOperator, with cluster mode and waits for stores."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from airflow.providers.apache.spark.hooks.spark_submit import SparkSubmitHook
from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator
from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowException, AirflowFailException
from pydantic import JsonValue

from afterbell.airflow.cluster_step import ClusterStep, Job
from afterbell.airflow.connections import SparkTarget, spark_secrets, spark_target, store_environment
from afterbell.airflow.driver_trigger import DriverEvent
from afterbell.airflow.failures import condense_failures
from afterbell.airflow.forecasting import forecast_at_end, forecast_at_start
from afterbell.airflow.outage import wait_for_stores
from afterbell.airflow.results import failure_of, read_result
from afterbell.cluster.connections import SPARK
from afterbell.cluster.profile import ClusterProfile
from afterbell.cluster.reach import require_reachable
from afterbell.cluster.secrets import require_secrets
from afterbell.cluster.submission import submission
from afterbell.config.environment import WARM
from afterbell.config.platform import Folders
from afterbell.errors import PermanentError, RetryableError, StoreUnavailableError
from afterbell.run.contracts.base import Result
from afterbell.run.contracts.opened import OpenedRun
from afterbell.run.steps import inputs_of, step_named


class SparkStepOperator(ClusterStep, SparkSubmitOperator):
    """Submit ``spark_jobs/<step>.py`` and return the step's result.

    In client mode the driver is a process of the worker. In cluster mode it is launched through the REST submission
    protocol, and followed by the triggerer.

    The submission is decided when the task runs, from the connections and the results of the steps before: no part of
    it is a template that a parameter could be rendered into, and no rendered field holds a secret.

    Args:
        step: the name of the step and of its file in ``spark_jobs/``.
        run: result of the task that opened the run: session, run id and deadline.
        results: results of the steps before this one, in their order.
        conn_id: the Spark connection.
    """

    template_fields: Sequence[str] = ("run", "results")

    def __init__(
        self, *, step: str, run: Any, results: Sequence[Any] = (), conn_id: str = SPARK, **kwargs: Any
    ) -> None:
        super().__init__(conn_id=conn_id, name=f"afterbell-{step}", **kwargs)
        self.step = step
        self.run = run
        self.results = list(results)
        self._environment: dict[str, str] = {}
        self._target: SparkTarget | None = None
        self._end_requested = False

    @property
    def opened(self) -> OpenedRun:
        """The run, as the task that opened it described it."""
        return OpenedRun.read(self.run)

    @condense_failures
    def execute(self, context: Context) -> dict[str, JsonValue]:  # type: ignore[override]
        """Submit, wait for the end, and return the step's result.

        Raises:
            AirflowFailException: the step failed in a way that trying again cannot fix.
            AirflowException: it failed in another way; the task's retries apply.
        """
        return wait_for_stores(self.opened, self.step, self.log, partial(self._try_once, context)).to_json()

    def _try_once(self, context: Context) -> Result:
        try:
            target = self._choose_target()
            job = self.job(context) if target.deploy_mode == "cluster" else None
            if job is None:
                self._prepare(target)
                require_reachable(target.cluster, os.environ | self._environment)
        except PermanentError as error:
            raise AirflowFailException(str(error)) from error
        except StoreUnavailableError:
            raise  # it is waited for
        except RetryableError as error:
            raise AirflowException(f"step {self.step!r}: {type(error).__name__}: {error}") from error
        if job is not None:
            result = self.on_cluster(context, job)
            forecast_at_end(self.opened, self.step, self.log)
            return result
        self._forget_hook()
        try:
            super().execute(context)
        except AirflowException as error:
            if self._end_requested:  # else a driver that was killed would be mistaken for one that ran out of memory
                raise AirflowException(
                    f"step {self.step!r} received a signal to end, and stopped its driver: the task was cleared or "
                    "timed out, or Airflow's processes on its machine were stopped. Committed work is not repeated"
                ) from error
            attempt, memory = context["ti"].try_number, target.cluster.driver_memory
            raise failure_of(self.step, error, attempt=attempt, driver_memory=memory) from error
        forecast_at_end(self.opened, self.step, self.log)
        return read_result(self._environment, self.opened, step_named(self.step))

    @condense_failures
    def resume(self, context: Context, event: DriverEvent) -> dict[str, JsonValue]:
        """Judge what the trigger saw of a driver on the cluster; result and errors are those of ``execute``."""
        judge, try_again = partial(self.judged, context, event), partial(self._try_once, context)
        result = wait_for_stores(self.opened, self.step, self.log, judge, try_again)
        forecast_at_end(self.opened, self.step, self.log)
        return result.to_json()

    def job(self, context: Context) -> Job:  # noqa: ARG002 - a subclass might use it
        """The job to launch on the cluster.

        Raises:
            PermanentError: a connection, the profile or the result of a step before is not valid.
        """
        target, folders = self._choose_target(), Folders.from_env()
        conf, added = self.besides(target.cluster)
        environment = store_environment() | spark_secrets(target.cluster, self._conn_id) | added
        require_secrets(target.cluster, environment)
        instructions = forecast_at_start(self.opened, self.step, self.log, kept=True)
        return Job(
            step=self.step,
            run=self.opened,
            script=folders.root / "spark_jobs" / f"{self.step}.py",
            arguments=step_arguments(self.step, self.opened, [instructions.to_json(), *self.results]),
            target=target,
            environment=environment,
            folders=folders,
            conf=conf,
        )

    def besides(self, cluster: ClusterProfile) -> tuple[dict[str, str], dict[str, str]]:  # noqa: ARG002
        """Spark properties and variables of the driver that this kind of step adds to those of the profile."""
        return {}, {}

    def _choose_target(self) -> SparkTarget:
        self._target = spark_target(self._conn_id, self.opened.profile)
        return self._target

    def _prepare(self, target: SparkTarget) -> None:
        self.show_places(target.cluster)
        stores = store_environment()
        folders = Folders.from_env()
        parts = submission(folders, target.master)
        self.application = str(folders.root / "spark_jobs" / f"{self.step}.py")
        # Decided as late as possible: what is left out depends on the time.
        instructions = forecast_at_start(self.opened, self.step, self.log)
        self.application_args = step_arguments(self.step, self.opened, [instructions.to_json(), *self.results])
        conf, environment = self.besides(target.cluster)
        self.conf = parts.conf | target.cluster.spark_conf() | conf  # the profile has the last word
        self.jars = parts.jars
        self.py_files = parts.py_files
        self._spark_binary = parts.spark_binary
        secrets = spark_secrets(target.cluster, self._conn_id)
        self._environment = stores | parts.environment | secrets | environment | self._warm_variables(target.cluster)
        require_secrets(target.cluster, self._environment)

    def _forget_hook(self) -> None:
        """Drop the hook of the try before: it holds that try's arguments and the open output of its driver."""
        process = getattr(self._hook, "_submit_sp", None)
        if process is not None and process.stdout is not None:
            process.stdout.close()
        self._hook = None

    def _warm_variables(self, cluster: ClusterProfile) -> dict[str, str]:
        if not cluster.warm_seconds:
            return {}
        return {WARM: str(cluster.warm_seconds if self.downstream_task_ids else 0)}  # no step comes after the last one

    def on_kill(self) -> None:
        """End the driver, wherever it runs."""
        self._end_requested = True
        self.end_driver()
        if self._hook is not None:
            super().on_kill()

    def _get_hook(self) -> SparkSubmitHook:
        # The environment carries the stores' keys: it goes to the hook alone, never into a templated field,
        # which Airflow would store and show.
        self.env_vars = None
        hook = super()._get_hook()
        hook._env_vars = self._environment  # noqa: SLF001
        if self._target is not None:  # the hook has read the connection again, and knows of no override
            hook._connection |= {"master": self._target.master, "deploy_mode": self._target.deploy_mode}  # noqa: SLF001
        # It looks for "yarn" anywhere in the master's address, and would then put the environment into arguments.
        hook._is_yarn = hook._is_kubernetes = False  # noqa: SLF001
        return hook


def step_arguments(step: str, run: OpenedRun, results: Sequence[Mapping[str, JsonValue]]) -> list[str]:
    """The argv of a step: one list entry a value, so that no value is ever parsed by a shell.

    Raises:
        StaleInputError: an input is missing from the results of the steps before it.
        ConfigError: an input does not fit the step's contract.
    """
    inputs = inputs_of(step_named(step), results)
    return [
        "--session", run.session.isoformat(),
        "--run-id", run.run_id,
        "--deadline", run.deadline.isoformat(),
        "--inputs", json.dumps(inputs.to_json(), sort_keys=True),
    ]  # fmt: skip
