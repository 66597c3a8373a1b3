"""One step of the real operator on a real cluster, without a scheduler: execute, the trigger, resume."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import TaskDeferred

from afterbell.cluster.connections import connection_environment
from afterbell.cluster.profile import ClusterProfile
from afterbell.config.runtime import Runtime
from afterbell.stores.artifacts import ArtifactStore
from tests.airflow.one_step.one_step import trivial_step
from tests.clusters.programs import until

_NUMBERS = itertools.count()


class TaskState(dict):
    """A task's state store: it outlives the try."""

    def set(self, key, value):
        self[key] = value

    def delete(self, key):
        self.pop(key, None)


@dataclass
class Place:
    """A cluster, its stores, and how a test breaks it.

    Attributes:
        cluster: ``Standalone`` or ``Dispatcher``.
        stores: variables of a step.
        profile: as YAML would have it.
    """

    cluster: Any
    stores: dict[str, str]
    profile: dict[str, Any]
    trace: str = field(default_factory=lambda: f"trace-{next(_NUMBERS)}")
    state: TaskState = field(default_factory=TaskState)
    tries: int = 0

    def environment(self, todo: str) -> dict[str, str]:
        """Airflow's connections, and what the driver is to do."""
        profile = ClusterProfile.model_validate(self.profile)
        own = {"CLUSTER_TEST": todo, "CLUSTER_TEST_TRACE": self.trace}
        return connection_environment(self.stores, "here", profile) | own

    def launch(self, patch: pytest.MonkeyPatch, todo: str) -> Launched:
        """The next try of the task, up to where it leaves the waiting to the triggerer."""
        for name, value in self.environment(todo).items():
            patch.setenv(name, value)
        self.tries += 1
        task = trivial_step(run_id=self.trace, retries=2)
        context = {"ti": SimpleNamespace(try_number=self.tries), "task_state_store": self.state}
        with pytest.raises(TaskDeferred) as deferred:
            task.execute(context)
        return Launched(self, task, context, deferred.value.trigger)

    @property
    def store(self) -> ArtifactStore:
        keys = (self.stores["AWS_ACCESS_KEY_ID"], self.stores["AWS_SECRET_ACCESS_KEY"])
        return ArtifactStore(Runtime.from_env(self.stores).s3, keys=keys)

    def started(self) -> int:
        """How many drivers have begun."""
        return len(self.store.list(f"{self.trace}/started/"))

    def committed(self) -> bool:
        return self.store.exists(f"{self.trace}/committed")

    def let_go(self) -> None:
        """What drivers told to wait wait for."""
        self.store.put(f"{self.trace}/go", b"")

    @property
    def waiting(self) -> str:
        return f"wait {self.trace}/go"


@dataclass
class Launched:
    """A try whose driver is on the cluster."""

    place: Place
    task: Any
    context: dict[str, Any]
    trigger: Any

    @property
    def driver(self) -> str:
        return str(self.trigger.driver)

    def begun(self, drivers: int = 1) -> Launched:
        """Wait until its driver has begun."""
        until(f"{drivers} drivers have begun", lambda: self.place.started() >= drivers)
        return self

    def end(self) -> dict[str, Any]:
        """Wait as the triggerer does, and judge: the step's result, or its error."""

        async def first():
            return await anext(self.trigger.run())

        event = asyncio.run(asyncio.wait_for(first(), 600)).payload
        result: dict[str, Any] = self.task.resume(self.context, event)
        return result
