"""A step in the frame of every job, which does what the variable CLUSTER_TEST says and leaves a trace of each start.

``done``: end well. ``permanent``, ``retryable``: fail so. ``crash``: end without a word. ``wait KEY``: until the
artifact store has an object KEY. Traces are objects below the prefix in CLUSTER_TEST_TRACE: ``started/<random>`` of
every driver, ``committed`` of the first that got to its end.
"""

from __future__ import annotations

import os
import sys
import time
import uuid

from afterbell.config.runtime import Runtime
from afterbell.errors import ConfigError, ObjectChangedError, PreconditionFailedError
from afterbell.run.contracts.base import Result
from afterbell.run.contracts.data import IngestInputs
from afterbell.run.job import StepArgs, run_step
from afterbell.run.steps import Step
from afterbell.stores.artifacts import ArtifactStore


class TestResult(Result):
    committed: bool


def body(args: StepArgs[IngestInputs]) -> TestResult:
    store, trace = ArtifactStore(Runtime.from_env().s3), os.environ["CLUSTER_TEST_TRACE"]
    todo, _, key = os.environ["CLUSTER_TEST"].partition(" ")
    store.put(f"{trace}/started/{uuid.uuid4().hex}", b"")
    print("the driver has begun", flush=True)
    if todo == "wait":
        while not store.exists(key):
            time.sleep(0.2)
    if todo == "permanent":
        raise ConfigError("the test says that this never gets better")
    if todo == "retryable":
        raise ObjectChangedError("the test says that this gets better")
    if todo == "crash":
        os._exit(3)
    try:
        store.put_if_absent(f"{trace}/committed", args.attempt.encode())
    except PreconditionFailedError:
        return TestResult(committed=False)
    return TestResult(committed=True)


if __name__ == "__main__":
    sys.exit(run_step(Step("ingest", IngestInputs, TestResult, {}), body))
