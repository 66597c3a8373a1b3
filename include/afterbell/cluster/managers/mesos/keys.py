"""The keys of a cluster profile that are for Mesos alone."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from afterbell.cluster.profile_keys import PLACE, OwnKeys

OWNED = {
    "spark.mesos.coarse": "coarse", "spark.mesos.executor.home": "executor_home", "spark.executor.uri": "executor_uri",
    "spark.mesos.executor.docker.image": "image", "spark.mesos.containerizer": "containerizer",
    "spark.mesos.role": "role", "spark.mesos.principal": "principal", "spark.mesos.constraints": "constraints",
}  # fmt: skip
"""Spark's properties that have one of these keys."""


class MesosKeys(OwnKeys):
    """Keys of a profile for executors on Mesos: where they run, and whose resources they take.

    Attributes:
        executor_home: the folder of Spark on the agents, or within ``image``.
        executor_uri: an archive ``spark-3*.tgz`` that agents fetch instead.
        image: the container image that executors run in.
        containerizer: what runs ``image``.
        role: whose resources are used.
        principal: who registers; its secret comes from the Airflow connection or the environment.
        constraints: attributes that agents must have (``rack:r1,r2;disk:ssd``).
        coarse: executors that live as long as the job, not one for each task.
    """

    executor_home: str = Field(default="", pattern=r"^(/\S*)?$")
    executor_uri: str = Field(default="", pattern=PLACE)
    image: str = Field(default="", pattern=r"^([a-z0-9][A-Za-z0-9_.:/@-]*)?$")
    containerizer: Literal["docker", "mesos"] = "docker"
    role: str = Field(default="", pattern=r"^([A-Za-z0-9_][A-Za-z0-9_./-]*)?$")
    principal: str = Field(default="", pattern=r"^\S*$")
    constraints: str = Field(default="", pattern=r"^\S*$")
    coarse: bool = True
