"""Cluster profiles: where Spark runs, as one typed YAML file each in ``include/config/clusters``."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from afterbell.config.loader import Strict, load_named


class ClusterProfile(Strict):
    """How drivers are submitted and what they may use.

    Attributes:
        master: Spark's master address: ``local[N]``, ``spark://host:port`` or ``mesos://host:port``.
        deploy_mode: where the driver runs.
        driver_memory: heap of the driver's JVM, as Spark writes it (``4g``).
        executor_memory: heap of each executor's JVM; on the local machine there is none beside the driver.
        executor_cores: cores of one executor; 0 leaves it to the cluster.
        cores_max: most cores of one job, over all executors; 0 leaves it to the cluster.
        conf: further Spark properties. No secret belongs here.
    """

    master: str = Field(pattern=r"^(local(\[(\d+|\*)\])?|spark://[^\s]+|mesos://[^\s]+)$")
    deploy_mode: Literal["client", "cluster"] = "client"
    driver_memory: str = Field(default="4g", pattern=r"^\d+[mg]$")
    executor_memory: str = Field(default="4g", pattern=r"^\d+[mg]$")
    executor_cores: int = Field(default=0, ge=0)
    cores_max: int = Field(default=0, ge=0)
    conf: dict[str, str] = Field(default_factory=dict)

    def spark_conf(self) -> dict[str, str]:
        """The Spark properties of this profile; a value of 0 sets none."""
        found = {
            "spark.driver.memory": self.driver_memory,
            "spark.ui.showConsoleProgress": "false",
            **self.conf,
        }
        if not self.master.startswith("local"):
            found["spark.executor.memory"] = self.executor_memory
        if self.executor_cores:
            found["spark.executor.cores"] = str(self.executor_cores)
        if self.cores_max:
            found["spark.cores.max"] = str(self.cores_max)
        return found


def load_profile(name: str) -> ClusterProfile:
    """The profile ``name``.

    Raises:
        ConfigError: there is none of that name (the message lists those there are), or a key of it is wrong.
    """
    return load_named("clusters", name, ClusterProfile)
