"""One step of a run that needs no cluster: a module of the library, run by the Spark environment's Python.

It runs beside Airflow's worker, as drivers do in client mode. Where drivers run on the cluster it runs there as well,
as a driver that opens no session: Airflow's machines then need neither Spark nor the models' libraries.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections import deque
from dataclasses import replace
from typing import Any

from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from afterbell.airflow.cluster_step import Job
from afterbell.airflow.connections import store_environment
from afterbell.airflow.forecasting import forecast_at_end, forecast_at_start
from afterbell.airflow.results import failure_of, read_result
from afterbell.airflow.spark_step import SparkStepOperator, step_arguments
from afterbell.cluster.profile import ClusterProfile
from afterbell.cluster.submission import step_environment
from afterbell.config.platform import Folders
from afterbell.errors import PermanentError
from afterbell.run.contracts.base import Result
from afterbell.run.steps import step_named

_SCRIPT = "library_step.py"


class LibraryStepOperator(SparkStepOperator):
    """Run ``python -m <module>`` beside the models: the Python that trained and will score them also checks them.

    Args:
        step: the name of the step.
        module: the module to run.
        run: result of the task that opened the run.
        results: results of the steps before this one, in their order.
    """

    def __init__(self, *, module: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.module = module
        self._process: subprocess.Popen[str] | None = None

    def _try_once(self, context: Context) -> Result:
        try:
            if self._choose_target().deploy_mode == "cluster":
                return super()._try_once(context)
            step_variables = store_environment() | step_environment(Folders.from_env())
            instructions = forecast_at_start(self.opened, self.step, self.log)
            arguments = step_arguments(self.step, self.opened, [instructions.to_json(), *self.results])
        except PermanentError as error:
            raise AirflowFailException(str(error)) from error
        environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
        environment |= step_variables
        command = [step_variables["PYSPARK_PYTHON"], "-m", self.module, *arguments]
        self._process = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        tail: deque[str] = deque(maxlen=30)
        for line in self._process.stdout or ():
            self.log.info(line.rstrip())
            tail.append(line)
        status = self._process.wait()
        if status:
            raise failure_of(self.step, AirflowException(f"exit status {status}\n{''.join(tail)}"))
        forecast_at_end(self.opened, self.step, self.log)
        return read_result(step_variables, self.opened, step_named(self.step))

    def job(self, context: Context) -> Job:
        """The job to launch on the cluster: the script that runs a module."""
        job = super().job(context)
        script = job.folders.root / "spark_jobs" / _SCRIPT
        return replace(job, script=script, arguments=["--module", self.module, *job.arguments])

    def besides(self, cluster: ClusterProfile) -> tuple[dict[str, str], dict[str, str]]:  # noqa: ARG002
        """The name that the cluster's pages show; by default it would be the script's."""
        return {"spark.app.name": f"afterbell-{self.step}"}, {}

    def on_kill(self) -> None:
        """End the process, or the driver: work that it has not committed is simply done again."""
        if self._process is None:
            super().on_kill()
        elif self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
