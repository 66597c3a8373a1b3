"""Files and settings that are submitted with a Spark job: the library, jars, and environment of the driver."""

from __future__ import annotations

import hashlib
import importlib.util
import marshal
import os
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from afterbell.cluster.managers import manager_of
from afterbell.cluster.profile import ClusterProfile
from afterbell.config.environment import CONFIG, ENV, HOME
from afterbell.config.loader import PACKED, config_folder
from afterbell.config.platform import Folders

LOGGING = "spark/log4j2.properties"
"""What drivers log, in the folder of the configuration."""
_EPOCH = (1980, 1, 1, 0, 0, 0)
_NOT_COMPARED = 0b01
_NOT_SENT = {"airflow", "embedded", "cli", "notebook.py"}  # no driver and no executor imports these


@dataclass(frozen=True)
class Submission:
    """The parts of a spark-submit that are the same for every step.

    Attributes:
        spark_binary: the wrapper that starts Spark's own spark-submit.
        jars: comma-separated files to ship; None where they are on the class path.
        py_files: the library as a zip.
        conf: Spark properties.
        environment: variables of the driver, and of executors on this machine.
    """

    spark_binary: str
    jars: str | None
    py_files: str
    conf: dict[str, str]
    environment: dict[str, str]


def submission(folders: Folders, master: str) -> Submission:
    """Put together what every step of the project is submitted with, where the driver runs in client mode.

    Args:
        folders: the project and what its set-up made.
        master: Spark's master; executors elsewhere than on this machine are sent the jars.

    Raises:
        ConfigError: the Spark environment is not set up.
    """
    python = str(folders.spark_python)
    local = manager_of(master).nodes is None
    jars = [str(path) for path in folders.jars]
    conf = {"spark.pyspark.python": python, "spark.pyspark.driver.python": python, **driver_properties(folders)}
    return Submission(
        spark_binary=str(folders.root / "include" / "afterbell" / "cluster" / "spark-submit"),
        jars=None if local else ",".join(jars),
        py_files=str(library_zip(folders.library, folders.home / "build")),
        conf=conf,
        # A driver with its executor on this machine has no business on any other interface.
        environment=step_environment(folders) | ({"SPARK_LOCAL_IP": "127.0.0.1"} if local else {}),
    )


def driver_properties(folders: Folders) -> dict[str, str]:
    """The properties of a driver on this machine that make it start from the archive of classes."""
    return {
        "spark.driver.extraJavaOptions": driver_options(folders),
        # That of the archive, wherever executors get their jars from.
        "spark.driver.extraClassPath": os.pathsep.join(str(path) for path in folders.jars),
    }


def driver_options(folders: Folders) -> str:
    """Java's options for a driver on this machine: where its logging is set, and the classes that it starts from."""
    logging = f"-Dlog4j2.configurationFile={(config_folder() / LOGGING).as_uri()}"
    return " ".join([logging, *(f'"{option}"' for option in folders.archive_options("classes"))])


def step_environment(folders: Folders) -> dict[str, str]:
    """The variables of every step's process: where things lie, and the Python, Spark and Java it runs on.

    Raises:
        ConfigError: the Spark environment is not set up.
    """
    python = str(folders.spark_python)
    return {
        "PYTHONPATH": str(folders.library),
        HOME: str(folders.home),
        ENV: str(folders.env),
        CONFIG: str(config_folder()),
        "PYSPARK_PYTHON": python,
        "PYSPARK_DRIVER_PYTHON": python,
        "SPARK_HOME": str(folders.spark_home),
        "JAVA_HOME": str(folders.java_home),
    }


def library_zip(include: Path, target: Path, config: Path | None = None) -> Path:
    """The package ``afterbell`` as a zip named by its content: equal sources give equal bytes, written once.

    Each module stands there as text and compiled: drivers and executors of this Python's version load what is compiled,
    which saves each of them a quarter of a second; others ignore it. The templates of reports lie beside them.

    Args:
        include: the folder of the package.
        target: where the zip is kept.
        config: a folder of configuration to pack along, for nodes that have none.
    """
    package = include / "afterbell"
    files = {
        path.relative_to(include).as_posix(): path.read_bytes()
        for path in sorted([*package.rglob("*.py"), *package.rglob("templates/*")])
        if path.relative_to(package).parts[0] not in _NOT_SENT
    }
    if config is not None:
        files |= {
            f"{PACKED}/{path.relative_to(config).as_posix()}": path.read_bytes()
            for path in sorted(config.rglob("*"))
            if path.is_file()
        }
    digest = hashlib.sha256(importlib.util.MAGIC_NUMBER)
    for name, body in files.items():
        digest.update(name.encode() + b"\0" + body)
    library = target / f"afterbell-{digest.hexdigest()[:16]}.zip"
    if library.exists():
        return library
    target.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=target, suffix=".zip")
    with os.fdopen(handle, "wb") as stream, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in files.items():
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), body)
            if name.endswith(".py"):
                archive.writestr(zipfile.ZipInfo(f"{name}c", _EPOCH), _compiled(name, body))
    Path(temporary).rename(library)  # whole or not at all, whoever else writes it
    return library


def _compiled(name: str, source: bytes) -> bytes:
    """``source`` as Python keeps it in a .pyc file that is not compared with its source (PEP 552)."""
    code = compile(source, name, "exec", dont_inherit=True)
    # Marshal's second version writes no references, which depend on what else this process holds: the bytes are a
    # function of the source.
    flags = _NOT_COMPARED.to_bytes(4, "little")
    return importlib.util.MAGIC_NUMBER + flags + importlib.util.source_hash(source) + marshal.dumps(code, 2)


def spark_submit(parts: Submission, cluster: ClusterProfile, script: Path, arguments: Sequence[str]) -> list[str]:
    """The argv; nothing of it is secret, and nothing of it is parsed by a shell."""
    argv = [parts.spark_binary, "--master", cluster.master, "--deploy-mode", "client"]
    for name, value in (parts.conf | cluster.spark_conf()).items():
        argv += ["--conf", f"{name}={value}"]
    if parts.jars:
        argv += ["--jars", parts.jars]
    return [*argv, "--py-files", parts.py_files, "--name", f"afterbell-{script.stem}", str(script), *arguments]
