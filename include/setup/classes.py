"""The archive of Java classes that drivers on this machine start from, so that they don't parse thousands of them anew.

A rehearsal, a small Spark job on a lake of its own, tells which classes a driver loads; Java writes them to one file
that later drivers map (class data sharing, as Java has it since 10). Without the archive everything works as well, only
slower to start, so a Java that can't make one is no reason to fail.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from setup.parts import Setup, SetupError, digest_of

ARCHIVE = "classes.jsa"
_REHEARSAL = Path(__file__).with_name("rehearsal.py")
_SETTINGS = "2"  # counts up when the options below change


def make_classes(setup: Setup, java: Path, locked: list[Path]) -> None:
    """Write the archive of the classes that a driver loads, or none where this Java won't.

    Args:
        setup: the run of the set-up.
        java: the Java that drivers run on.
        locked: the files that decide the class path: an archive is good for one class path.
    """
    folder, archive = setup.env / "rehearsal", setup.env / ARCHIVE

    def make() -> None:
        setup.say("classes: a rehearsal of what a driver loads")
        archive.unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        (setup.env / "logs" / "classes.log").unlink(missing_ok=True)
        try:
            _rehearse(setup, java, folder)
            _dump(setup, java, folder)
            (folder / ARCHIVE).replace(archive)
        except (SetupError, OSError) as error:
            setup.say(f"classes: no archive was made, drivers start without one: {str(error).splitlines()[0]}")
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    release = java / "release"  # names the version: an archive is good for one Java
    version = release.read_text(encoding="utf-8") if release.exists() else ""
    inputs = digest_of([*locked, _REHEARSAL, str(java), version, _SETTINGS])
    setup.part("classes", inputs, lambda: True, make)


def _rehearse(setup: Setup, java: Path, folder: Path) -> None:
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
        "--conf", "spark.ui.enabled=false", _REHEARSAL, folder,
    ]  # fmt: skip
    setup.run("classes", argv, settings)


def _dump(setup: Setup, java: Path, folder: Path) -> None:
    path = (folder / "class-path.txt").read_text(encoding="utf-8")
    argv: list[str | Path] = [
        java / "bin" / "java", "-Xshare:dump", "-Xlog:cds=off", "-Xlog:cds+dynamic=off",
        f"-XX:SharedClassListFile={folder / 'loaded.txt'}", f"-XX:SharedArchiveFile={folder / ARCHIVE}",
        "-cp", path,
    ]  # fmt: skip
    setup.run("classes", argv)
    if not (folder / ARCHIVE).exists():
        raise SetupError("Java wrote no archive")
