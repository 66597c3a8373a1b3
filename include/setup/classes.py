"""The archives of Java classes that programs on this machine start from, so that they don't parse thousands anew.

A rehearsal records which classes a program loads: a small Spark job on a lake of its own for drivers, one start on an
empty folder for the embedded HDFS. Java writes them to one file that later starts map (class data sharing, as Java has
it since 10). Without an archive everything works as well, only slower to start, so a Java that can't make one is no
reason to fail.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from setup.parts import Setup, SetupError, digest_of

_DRIVER, _HDFS = Path(__file__).with_name("rehearsal.py"), Path(__file__).with_name("rehearsal_hdfs.py")
_SETTINGS = "3"  # counts up when the options below change


def make_classes(setup: Setup, java: Path, locked: list[Path]) -> None:
    """Write ``classes.jsa`` for drivers and ``hdfs.jsa`` for the embedded HDFS, or none where this Java won't.

    Args:
        setup: the run of the set-up.
        java: the Java that all of them run on.
        locked: the files that decide the class path: an archive is good for one class path.
    """

    def make() -> None:
        (setup.env / "logs" / "classes.log").unlink(missing_ok=True)
        with ThreadPoolExecutor(2) as pool:
            futures = [
                pool.submit(_make_archive, setup, java, "classes", "a driver", _rehearse_driver),
                pool.submit(_make_archive, setup, java, "hdfs", "the embedded HDFS", _rehearse_hdfs),
            ]
        for future in futures:
            future.result()

    release = java / "release"  # names the version: an archive is good for one Java
    version = release.read_text(encoding="utf-8") if release.exists() else ""
    inputs = digest_of([*locked, _DRIVER, _HDFS, str(java), version, _SETTINGS])
    setup.part("classes", inputs, lambda: True, make)


def _make_archive(
    setup: Setup, java: Path, name: str, whose: str, rehearse: Callable[[Setup, Path, Path], None]
) -> None:
    folder, archive = setup.env / f"rehearsal-{name}", setup.env / f"{name}.jsa"
    setup.say(f"classes: a rehearsal of what {whose} loads")
    archive.unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        rehearse(setup, java, folder)
        _dump(setup, java, folder).replace(archive)
    except (SetupError, OSError) as error:
        setup.say(f"classes: no archive was made, {whose} starts without one: {str(error).splitlines()[0]}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _rehearse_hdfs(setup: Setup, java: Path, folder: Path) -> None:
    python = setup.env / "spark" / "bin" / "python"
    setup.run("classes", [python, _HDFS, setup.env, folder], {"AFTERBELL_JAVA_HOME": str(java)})


def _rehearse_driver(setup: Setup, java: Path, folder: Path) -> None:
    spark = setup.env / "spark"
    home = spark / "lib" / "python3.11" / "site-packages" / "pyspark"
    python = str(spark / "bin" / "python")
    settings = {
        "JAVA_HOME": str(java),
        "SPARK_HOME": str(home),
        "PYSPARK_PYTHON": python,
        "PYSPARK_DRIVER_PYTHON": python,
        "SPARK_LOCAL_IP": "127.0.0.1",
    }
    jars = os.pathsep.join(str(path) for path in sorted((setup.env / "jars").glob("*.jar")))
    options = f'-Xshare:off "-XX:DumpLoadedClassList={folder / "loaded.txt"}"'
    argv: list[str | Path] = [
        home / "bin" / "spark-submit", "--master", "local[1]",
        "--conf", f"spark.driver.extraClassPath={jars}", "--conf", f"spark.driver.extraJavaOptions={options}",
        "--conf", "spark.ui.enabled=false", _DRIVER, folder,
    ]  # fmt: skip
    setup.run("classes", argv, settings)


def _dump(setup: Setup, java: Path, folder: Path) -> Path:
    archive = folder / "archive.jsa"
    path = (folder / "class-path.txt").read_text(encoding="utf-8")
    argv: list[str | Path] = [
        java / "bin" / "java", "-Xshare:dump", "-Xlog:cds=off", "-Xlog:cds+dynamic=off",
        f"-XX:SharedClassListFile={folder / 'loaded.txt'}", f"-XX:SharedArchiveFile={archive}",
        "-cp", path,
    ]  # fmt: skip
    setup.run("classes", argv)
    if not archive.exists():
        raise SetupError("Java wrote no archive")
    return archive
