"""The stand-in for libmesos, compiled, and a Spark installation that holds it."""

from __future__ import annotations

import os
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from afterbell.config.platform import Folders

_SOURCE = Path(__file__).with_name("MesosSchedulerDriver.java")
_CLASS = "org/apache/mesos/MesosSchedulerDriver"
_HELPERS = ("jackson-databind-*.jar", "jackson-core-*.jar", "jackson-annotations-*.jar")


def _compiler() -> str:
    """The ``javac`` of JAVA_HOME or of PATH; the test is skipped where there is none."""
    named = Path(os.environ.get("JAVA_HOME", "/nowhere"), "bin", "javac")
    found = str(named) if named.exists() else shutil.which("javac")
    if found is None:
        pytest.skip("no JDK here: the tests' scheduler driver of Mesos needs `javac` on PATH or JAVA_HOME to compile")
    return found


def mesos_spark_home(folder: Path) -> Path:
    """A SPARK_HOME as it lies on an agent: the environment's own Spark, its Mesos jar with the stand-in for libmesos.

    All but that one jar are links.
    """
    real = Folders.from_env().spark_home
    (jar,) = (real / "jars").glob("mesos-*.jar")
    home = folder / "spark"
    (home / "jars").mkdir(parents=True)
    for name in ("bin", "python"):
        (home / name).mkdir()
        for each in (real / name).iterdir():
            if each.name != "find_spark_home.py":  # pip's alone: an agent's Spark finds itself by where it lies
                (home / name / each.name).symlink_to(each)
    for each in (real / "jars").iterdir():
        if each != jar:
            (home / "jars" / each.name).symlink_to(each)
    _with_stand_in(jar, home / "jars" / jar.name, _compiled(jar, home))
    Path(libmesos_of(home)).touch()
    return home


def libmesos_of(spark_home: Path) -> str:
    """The file that passes for libmesos on the agents: without its name nothing of Spark starts on Mesos."""
    return str(spark_home / "libmesos-1.11.0.so")


def _compiled(jar: Path, folder: Path) -> list[Path]:
    path = [jar, *(each for name in _HELPERS for each in jar.parent.glob(name))]
    target = folder / "classes"
    done = subprocess.run(
        [
            _compiler(), "--release", "11", "-Xlint:all,-processing,-classfile,-deprecation", "-Werror",
            "-proc:none", "-d", str(target), "-cp", ":".join(str(each) for each in path), str(_SOURCE),
        ],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return sorted(target.rglob("*.class"))


def _with_stand_in(jar: Path, target: Path, classes: list[Path]) -> None:
    with zipfile.ZipFile(jar) as source, zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as out:
        for entry in source.infolist():
            if not entry.filename.startswith(_CLASS):
                out.writestr(entry, source.read(entry))
        for each in classes:
            out.write(each, f"{_CLASS.rpartition('/')[0]}/{each.name}")
