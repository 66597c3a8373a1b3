"""The jars that Spark and the embedded HDFS load: resolved once by Spark's own Ivy, each checked against ``jars.lock``.

S3A comes without the SDK bundle of 280 MB: the parts of it that S3A really needs are among the jars.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from setup.java import TRUST_STORE
from setup.parts import Setup, SetupError, digest_of, file_digest

LOCK = Path(__file__).with_name("jars.lock")
_PACKAGES = (
    "org.apache.iceberg:iceberg-spark-runtime-3.5_2.12:1.10.0",
    "org.xerial:sqlite-jdbc:3.46.1.3",
    "org.postgresql:postgresql:42.7.8",
    "org.apache.hadoop:hadoop-aws:3.3.4",  # PySpark 3.5's Hadoop
    "com.amazonaws:aws-java-sdk-s3:1.12.797",
    "com.amazonaws:aws-java-sdk-sts:1.12.797",
    "com.amazonaws:aws-java-sdk-dynamodb:1.12.797",
    "org.apache.hadoop:hadoop-client-minicluster:3.3.4",
)
_EXCLUDED = (
    "com.amazonaws:aws-java-sdk-bundle",
    "org.apache.hadoop:hadoop-client-api",
    "org.apache.hadoop:hadoop-client-runtime",
)
_HDFS_ALONE = ("org.apache.hadoop:hadoop-client-minicluster",)
# What comes along and PySpark brings itself, or nobody calls.
_LEFT_OUT = (
    "com.fasterxml.", "commons-", "junit:", "org.apache.httpcomponents:", "org.checkerframework:", "org.hamcrest:",
    "org.slf4j:", "org.wildfly.", "org.xerial.snappy:",
)  # fmt: skip
_HINT = (
    "check that this machine reaches Maven Central (behind a proxy whose certificate Java does not know, set JAVA_HOME "
    "to a Java that does) and that the disk is not full"
)


@dataclass(frozen=True)
class Jar:
    """One line of the lock.

    Attributes:
        folder: ``jars`` (every Spark job) or ``jars-hdfs`` (the embedded HDFS alone).
        coordinate: Maven's group, artifact and version.
        sha256: of its bytes.
    """

    folder: str
    coordinate: str
    sha256: str

    @property
    def name(self) -> str:
        """The file's name, as Ivy writes it."""
        group, artifact, version = self.coordinate.split(":")
        return f"{group}_{artifact}-{version}.jar"


def read_lock(path: Path = LOCK) -> list[Jar]:
    """The jars of the lock file: a line each of folder, file name, coordinate and SHA-256.

    Raises:
        SetupError: a line is not of that form.
    """
    jars = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if len(words) != 4 or words[0] not in {"jars", "jars-hdfs"} or words[2].count(":") != 2:
            raise SetupError(
                f"{path}, line {number}: expected folder, file name, coordinate and SHA-256, found {line!r}"
            )
        jar = Jar(words[0], words[2], words[3])
        if jar.name != words[1]:
            raise SetupError(f"{path}, line {number}: {jar.coordinate} is the file {jar.name}, not {words[1]}")
        jars.append(jar)
    return jars


def make_jars(setup: Setup, java: Path, lock: Path = LOCK) -> None:
    """Put the locked jars, and no others, into their folders.

    Raises:
        SetupError: a jar could not be fetched, or its bytes are not those of the lock.
    """
    jars = read_lock(lock)

    def make() -> None:
        if not _complete(setup, jars):
            source = _resolve(setup, java)
            for jar in jars:
                check(source / jar.name, jar)
            for folder in {jar.folder for jar in jars}:
                _fill(setup.env / folder, source, [jar for jar in jars if jar.folder == folder])
            shutil.rmtree(source.parent)

    setup.part("jars", digest_of([lock]), lambda: _complete(setup, jars), make)


def check(path: Path, jar: Jar) -> None:
    """Compare a file with the lock.

    Raises:
        SetupError: it is missing or has other bytes.
    """
    if not path.exists():
        raise SetupError(
            f"jars: {jar.coordinate} is in jars.lock but was not resolved: run `make lock`, review the change"
        )
    if (digest := file_digest(path)) != jar.sha256:
        raise SetupError(
            f"jars: {jar.coordinate} has other bytes than it was locked with: expected SHA-256 {jar.sha256}, "
            f"found {digest}. It was not installed. Run `make setup` again; if it stays so, "
            "do not trust who delivers it"
        )


def _complete(setup: Setup, jars: list[Jar]) -> bool:
    expected = {(jar.folder, jar.name) for jar in jars}
    present = {(folder, path.name) for folder in ("jars", "jars-hdfs") for path in (setup.env / folder).glob("*.jar")}
    return expected == present and all(file_digest(setup.env / jar.folder / jar.name) == jar.sha256 for jar in jars)


def _fill(folder: Path, source: Path, jars: list[Jar]) -> None:
    fresh = folder.with_name(f"{folder.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    for jar in jars:
        shutil.move(source / jar.name, fresh / jar.name)
    shutil.rmtree(folder, ignore_errors=True)
    fresh.rename(folder)


def _resolve(setup: Setup, java: Path) -> Path:
    setup.say("jars: resolving them with Spark's Ivy")
    ivy = setup.env / "ivy"
    shutil.rmtree(ivy, ignore_errors=True)  # a half-written cache would be believed
    ivy.mkdir()
    nothing = ivy / "nothing.py"
    nothing.touch()
    spark = setup.env / "spark"
    home = spark / "lib" / "python3.11" / "site-packages" / "pyspark"
    settings = {
        "JAVA_HOME": str(java),
        "SPARK_HOME": str(home),
        "PYSPARK_PYTHON": str(spark / "bin" / "python"),
        "PYSPARK_DRIVER_PYTHON": str(spark / "bin" / "python"),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_CONF_DIR": str(ivy),
    }
    if TRUST_STORE.exists():
        settings["JDK_JAVA_OPTIONS"] = f"-Djavax.net.ssl.trustStore={TRUST_STORE}"
    argv: list[str | Path] = [home / "bin" / "spark-submit", "--master", "local[1]", "--conf", f"spark.jars.ivy={ivy}"]
    argv += ["--packages", ",".join(_PACKAGES), "--exclude-packages", ",".join(_EXCLUDED), nothing]
    (setup.env / "logs" / "jars.log").unlink(missing_ok=True)
    setup.run("jars", argv, settings, _HINT)
    return ivy / "jars"


def write_lock(setup: Setup, java: Path) -> None:
    """Resolve the jars and write what came to the lock: the maintainer reviews the change before it is committed."""
    source = _resolve(setup, java)
    rows = []
    for path in sorted(source.glob("*.jar")):
        coordinate = _coordinate(path.name)
        if not coordinate.startswith(_LEFT_OUT):
            folder = "jars-hdfs" if coordinate.startswith(_HDFS_ALONE) else "jars"
            rows.append(f"{folder} {path.name} {coordinate} {file_digest(path)}")
    text = "# folder, file, Maven coordinate, SHA-256; written by `make lock`\n" + "\n".join(sorted(rows)) + "\n"
    LOCK.write_text(text, encoding="utf-8")
    setup.say(f"jars: {len(rows)} locked in {LOCK.name}")


def _coordinate(name: str) -> str:
    group, _, rest = name.removesuffix(".jar").partition("_")
    artifact, _, version = rest.rpartition("-")
    return f"{group}:{artifact}:{version}"
