"""The keys of a cluster profile, each with what it may be."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from afterbell.config.loader import Strict

DeployMode = Literal["client", "cluster"]
_HOST = r"[A-Za-z0-9_.-]+:\d+"
_MASTER = rf"^(local(\[(\d+|\*)\])?|spark://{_HOST}(,{_HOST})*|mesos://({_HOST}|zk://{_HOST}(,{_HOST})*/\S+))$"
_MEMORY = r"^[1-9]\d*[mg]$"
_WEB = r"^(https?://[^\s/@]+)?$"
_PLACE = r"^((/|file:/|hdfs://|s3a://|https?://)[^\s,#]*)?$"


class ProfileKeys(Strict):
    """How drivers are submitted and what they may use; an empty text or a 0 sets nothing.

    Attributes:
        master: Spark's master address: ``local[N]``, ``spark://host:7077``, ``mesos://host:5050`` (or
            ``mesos://zk://...``) for drivers beside the submitter, ``mesos://host:7077`` for Mesos' dispatcher.
        rest_url: ``http://host:6066`` of a standalone master, for drivers on the cluster.
        deploy_mode: where the driver runs: beside the submitter, or on the cluster.
        driver_cores: cores of a driver on the cluster.
        driver_memory: heap of the driver's JVM, as Spark writes it (``4g``).
        executor_memory: heap of each executor's JVM; the local machine has no executor beside the driver.
        executor_cores: cores of one executor.
        cores_max: most cores of one job, over all executors.
        coarse: Mesos: executors that live as long as the job, not one for each task.
        executor_home: Mesos: the folder of Spark on the agents, or within ``image``.
        executor_uri: Mesos: an archive ``spark-3*.tgz`` that agents fetch instead.
        image: Mesos: the container image that executors run in.
        containerizer: Mesos: what runs ``image``.
        role: Mesos: whose resources are used.
        principal: Mesos: who registers; its secret comes from the Airflow connection or the environment.
        constraints: Mesos: attributes that agents must have (``rack:r1,r2;disk:ssd``).
        python: the Python of executors, and of drivers on the cluster; empty is this environment's path.
        environment_archive: a packed Python environment, which executors unpack and run on.
        share: a folder that agents can read and the submitter can write: what a job needs is put there.
        credentials: whether the stores' keys go along with a job, or the nodes have their own.
        warm_seconds: how long the JVM of a step beside the submitter waits for the run's next step, which then starts
            in it; 0: each step starts a JVM of its own.
        first_executor_seconds: how long a job is without any executor before it gives up.
        registered_seconds: how long the cluster manager may take to answer.
        master_ui: address of the cluster manager's pages, for links and messages.
        history_server: address of Spark's history server, for links.
        event_log: folder of Spark's event logs.
        conf: further Spark properties. No secret belongs here.
    """

    master: str = Field(pattern=_MASTER)
    rest_url: str = Field(default="", pattern=_WEB)
    deploy_mode: DeployMode = "client"
    driver_cores: int = Field(default=1, ge=1)
    driver_memory: str = Field(default="4g", pattern=_MEMORY)
    executor_memory: str = Field(default="4g", pattern=_MEMORY)
    executor_cores: int = Field(default=0, ge=0)
    cores_max: int = Field(default=0, ge=0)
    coarse: bool = True
    executor_home: str = Field(default="", pattern=r"^(/\S*)?$")
    executor_uri: str = Field(default="", pattern=_PLACE)
    image: str = Field(default="", pattern=r"^([a-z0-9][A-Za-z0-9_.:/@-]*)?$")
    containerizer: Literal["docker", "mesos"] = "docker"
    role: str = Field(default="", pattern=r"^([A-Za-z0-9_][A-Za-z0-9_./-]*)?$")
    principal: str = Field(default="", pattern=r"^\S*$")
    constraints: str = Field(default="", pattern=r"^\S*$")
    python: str = Field(default="", pattern=r"^(/\S+)?$")
    environment_archive: str = Field(default="", pattern=_PLACE)
    share: str = Field(default="", pattern=_PLACE)
    credentials: Literal["submit", "node"] = "submit"
    warm_seconds: int = Field(default=0, ge=0, le=600)
    first_executor_seconds: int = Field(default=180, ge=1)
    registered_seconds: int = Field(default=60, ge=1)
    master_ui: str = Field(default="", pattern=_WEB)
    history_server: str = Field(default="", pattern=_WEB)
    event_log: str = Field(default="", pattern=_PLACE)
    conf: dict[str, str] = Field(default_factory=dict)

    @property
    def manager(self) -> Literal["local", "standalone", "mesos"]:
        """The cluster manager, by the master's address."""
        if self.master.startswith("local"):
            return "local"
        return "mesos" if self.master.startswith("mesos://") else "standalone"

    @property
    def rest_address(self) -> str:
        """``http://host:port`` of the REST submission protocol; empty where the driver runs beside the submitter."""
        if self.deploy_mode == "client":
            return ""
        return self.rest_url or f"http://{self.master.removeprefix('mesos://')}"
