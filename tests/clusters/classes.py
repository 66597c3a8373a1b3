"""The archive of classes that set-up made for drivers, for whatever else of Spark a test starts on this machine.

Java takes an archive only where the class path begins as it did when the archive was made. So each program is given
that path in front of its own, which holds the same files again.
"""

from __future__ import annotations

import os

from afterbell.config.platform import Folders


def spark_class_path(folders: Folders) -> str:
    """What the class path of a driver on this machine has behind the project's own jars."""
    home = folders.spark_home
    return os.pathsep.join([str(home / "conf"), str(home / "jars" / "*")])


def class_path(folders: Folders) -> str:
    """The class path of a driver on this machine, as ``spark-submit`` puts it together."""
    return os.pathsep.join([*(str(jar) for jar in folders.jars), spark_class_path(folders)])


def archive_options(folders: Folders) -> str:
    """Java's options to start from the archive; none where there is none."""
    return " ".join(folders.archive_options("classes"))


def daemon_environment(folders: Folders) -> dict[str, str]:
    """The variables of a master or worker."""
    return {"SPARK_DAEMON_CLASSPATH": class_path(folders), "SPARK_DAEMON_JAVA_OPTS": archive_options(folders)}


def executor_properties(folders: Folders) -> dict[str, str]:
    """The properties of a job whose executors run on this machine."""
    return {
        "spark.executor.extraClassPath": class_path(folders),
        "spark.executor.extraJavaOptions": archive_options(folders),
    }


def on_cluster_properties(folders: Folders) -> dict[str, str]:
    """The same where the project puts its jars in front by itself, for a driver on the cluster and its executors."""
    found = {}
    for program in ("driver", "executor"):
        found[f"spark.{program}.extraClassPath"] = spark_class_path(folders)
        found[f"spark.{program}.extraJavaOptions"] = archive_options(folders)
    return found
