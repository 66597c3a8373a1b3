"""The keys of a cluster profile, each with what it may be."""

from __future__ import annotations

from typing import Literal, TypeVar

from pydantic import ConfigDict, Field

from afterbell.config.loader import Strict

DeployMode = Literal["client", "cluster"]
HOST = r"[A-Za-z0-9_.-]+:\d+"
_MEMORY = r"^[1-9]\d*[mg]$"
_WEB = r"^(https?://[^\s/@]+)?$"
PLACE = r"^((/|file:/|hdfs://|s3a://|https?://)[^\s,#]*)?$"


class OwnKeys(Strict):
    """Keys of a profile that are for one cluster manager alone; this base has none."""


class ProfileKeys(Strict):
    """How drivers are submitted and what they may use; an empty text or a 0 sets nothing.

    A profile holds those of its cluster manager besides, which ``own_keys`` gives.

    Attributes:
        master: Spark's master address: ``local[N]``, ``spark://host:7077``, ``mesos://host:5050`` (or
            ``mesos://zk://...``) for drivers in client mode, ``mesos://host:7077`` for Mesos' dispatcher.
        rest_url: ``http://host:6066`` of a standalone master, for drivers on the cluster.
        deploy_mode: ``client``: the driver runs on the submitter's machine; ``cluster``: on a node.
        driver_cores: cores of a driver on the cluster.
        driver_memory: heap of the driver's JVM, as Spark writes it (``4g``).
        executor_memory: heap of each executor's JVM; the local machine has no executor beside the driver.
        executor_cores: cores of one executor.
        cores_max: most cores of one job, over all executors.
        python: the Python of executors, and of drivers on the cluster; empty is this environment's path.
        environment_archive: a packed Python environment, which executors unpack and run on.
        share: a folder that agents can read and the submitter can write: what a job needs is put there.
        credentials: whether the stores' keys go along with a job, or the nodes have their own.
        warm_seconds: how long the JVM of a step in client mode waits for the run's next step, which then starts
            in it; 0: each step starts a JVM of its own.
        first_executor_seconds: how long a job is without any executor before it gives up.
        registered_seconds: how long the cluster manager may take to answer.
        master_ui: address of the cluster manager's pages, for links and messages.
        history_server: address of Spark's history server, for links.
        event_log: folder of Spark's event logs.
        conf: further Spark properties. No secret belongs here.
    """

    model_config = ConfigDict(extra="allow")

    master: str
    rest_url: str = Field(default="", pattern=_WEB)
    deploy_mode: DeployMode = "client"
    driver_cores: int = Field(default=1, ge=1)
    driver_memory: str = Field(default="4g", pattern=_MEMORY)
    executor_memory: str = Field(default="4g", pattern=_MEMORY)
    executor_cores: int = Field(default=0, ge=0)
    cores_max: int = Field(default=0, ge=0)
    python: str = Field(default="", pattern=r"^(/\S+)?$")
    environment_archive: str = Field(default="", pattern=PLACE)
    share: str = Field(default="", pattern=PLACE)
    credentials: Literal["submit", "node"] = "submit"
    warm_seconds: int = Field(default=0, ge=0, le=600)
    first_executor_seconds: int = Field(default=180, ge=1)
    registered_seconds: int = Field(default=60, ge=1)
    master_ui: str = Field(default="", pattern=_WEB)
    history_server: str = Field(default="", pattern=_WEB)
    event_log: str = Field(default="", pattern=PLACE)
    conf: dict[str, str] = Field(default_factory=dict)


Own = TypeVar("Own", bound=OwnKeys)


def own_keys(profile: ProfileKeys, kind: type[Own]) -> Own:
    """The keys of ``profile`` that are for one cluster manager alone, ``kind`` of them; defaults where it has none."""
    given = profile.model_extra or {}
    return kind.model_validate({name: given[name] for name in kind.model_fields if name in given})
