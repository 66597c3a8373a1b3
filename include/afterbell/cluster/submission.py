"""What is sent along with a Spark job: the library, the jars, and the environment of the driver."""

from __future__ import annotations

import hashlib
import os
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from afterbell.errors import ConfigError


_NOT_SENT = {"airflow", "embedded", "cli"}  # rooms that no driver and no executor enters


@dataclass(frozen=True)
class Submission:
    """The parts of a spark-submit that are the same for every step.

    Attributes:
        folder: the project's root.
        spark_binary: the wrapper that starts Spark's own spark-submit.
        jars: comma-separated files.
        py_files: the library as a zip.
        conf: Spark properties.
        environment: variables of the driver, and of executors on this machine.
    """

    folder: Path
    spark_binary: str
    jars: str
    py_files: str
    conf: dict[str, str]
    environment: dict[str, str]


def submission(root: Path, deploy_mode: str, env: Mapping[str, str]) -> Submission:
    """Put together what a step of the project at ``root`` is submitted with.

    Args:
        root: the project's root.
        deploy_mode: ``client``; drivers on the cluster are not submitted this way.
        env: the submitter's environment: ``AFTERBELL_ENV`` and ``AFTERBELL_HOME`` where they are not the default.

    Raises:
        ConfigError: the Spark environment is not set up, or the deploy mode is not supported.
    """
    if deploy_mode != "client":
        raise ConfigError(f"deploy mode {deploy_mode!r} is not supported yet: set 'client' in the Spark connection")
    home = Path(env.get("AFTERBELL_HOME") or root / ".afterbell" / "var")
    tools = Path(env.get("AFTERBELL_ENV") or root / ".afterbell" / "env")
    python = tools / "spark" / "bin" / "python"
    spark_home = next(iter((tools / "spark" / "lib").glob("python3.*/site-packages/pyspark")), None)
    jars = sorted((tools / "jars").glob("*.jar"))
    if spark_home is None or not jars or not python.exists():
        raise ConfigError(f"{tools} holds no Spark environment: run `make setup`")
    return Submission(
        folder=root,
        spark_binary=str(root / "include" / "afterbell" / "cluster" / "spark-submit"),
        jars=",".join(str(path) for path in jars),
        py_files=str(library_zip(root / "include", home / "build")),
        conf={"spark.pyspark.python": str(python), "spark.pyspark.driver.python": str(python)},
        environment={
            "AFTERBELL_HOME": str(home),
            "PYSPARK_PYTHON": str(python),
            "PYSPARK_DRIVER_PYTHON": str(python),
            "SPARK_HOME": str(spark_home),
            "JAVA_HOME": java_home(tools, env),
        },
    )


def java_home(tools: Path, env: Mapping[str, str]) -> str:
    """The Java that set-up chose; ``AFTERBELL_JAVA_HOME`` overrides it.

    Raises:
        ConfigError: set-up has not run.
    """
    named = env.get("AFTERBELL_JAVA_HOME")
    if named:
        return named
    chosen = tools / "java_home"
    if not chosen.exists():
        raise ConfigError(f"{chosen} is missing, so no Java is known: run `make setup`")
    return chosen.read_text(encoding="utf-8").strip()


def library_zip(include: Path, target: Path) -> Path:
    """The package ``afterbell`` as a zip named by its content: equal sources give equal bytes, written once."""
    package = include / "afterbell"
    files = sorted(path for path in package.rglob("*.py") if path.relative_to(package).parts[0] not in _NOT_SENT)
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.relative_to(include).as_posix().encode() + b"\0" + path.read_bytes())
    name = target / f"afterbell-{digest.hexdigest()[:16]}.zip"
    if name.exists():
        return name
    target.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=target, suffix=".zip")
    with os.fdopen(handle, "wb") as stream, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in files:
            entry = zipfile.ZipInfo(path.relative_to(include).as_posix(), (1980, 1, 1, 0, 0, 0))
            archive.writestr(entry, path.read_bytes())
    Path(temporary).rename(name)  # whole or not at all, whoever else writes it
    return name
