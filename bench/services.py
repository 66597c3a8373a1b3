"""A real S3 and a real HDFS with drops in them, and a Spark driver beside them, for measurements that need both."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from afterbell.config.platform import Folders, Platform
from afterbell.config.runtime import Runtime
from afterbell.embedded import stack
from afterbell.stores.upload import folder_deliveries, upload

ROOT = Path(__file__).resolve().parents[1]


@contextmanager
def services(drops: Path) -> Iterator[dict[str, str]]:
    """S3 and HDFS in a temporary folder, with the drops of the folder ``drops``; the variables of a step."""
    set_up = Folders.from_env()
    with tempfile.TemporaryDirectory(prefix="bench-") as home:
        folders = Folders(root=set_up.root, home=Path(home), env=set_up.env)
        platform = Platform()
        with stack.running(folders, platform) as endpoints:
            env = stack.step_env(folders, platform, endpoints)
            kept = dict(os.environ)
            os.environ.update(env)
            try:
                upload(folder_deliveries(drops), Runtime.from_env(env))
            finally:
                os.environ.clear()
                os.environ.update(kept)
            yield env


def drive(module: str, arguments: Sequence[str], env: dict[str, str]) -> int:
    """Run ``python -m module`` as a Spark driver on all cores of this machine; its exit status."""
    folders = Folders.from_env()
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        driver = {
            **{name: os.environ[name] for name in ("PATH", "HOME", "JDK_JAVA_OPTIONS") if name in os.environ},
            **env,
            "JAVA_HOME": str(folders.java_home),
            "SPARK_HOME": str(folders.spark_home),
            "PYSPARK_PYTHON": str(folders.spark_python),
            "PYTHONPATH": f"{ROOT / 'include'}:{ROOT}",
            "SPARK_LOCAL_IP": "127.0.0.1",
            "PYSPARK_SUBMIT_ARGS": " ".join((
                "--master local[*] --driver-memory 3g",
                f"--jars {','.join(str(jar) for jar in folders.jars)}",
                "--conf spark.ui.enabled=false --conf spark.ui.showConsoleProgress=false",
                f"--conf spark.local.dir={scratch}",
                "pyspark-shell",
            )),
        }  # fmt: skip
        done = subprocess.run([sys.executable, "-m", module, *arguments], env=driver, cwd=scratch, check=False)
        return done.returncode
