"""JVMs that serve scenarios one after the other: each would start one for two seconds, and warm it for four.

A JVM is PySpark's own gateway, started by the test session and not by the driver. It lives until its standard input
closes, so it never outlives the session. A driver that ended well leaves it without a Spark context; after any other
end the JVM is ended, too, and the next scenario gets a new one.
"""

from __future__ import annotations

import atexit
import shlex
import struct
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.patience import LONG

_MOST = 16
"""Scenarios that one JVM serves: what they leave on the heap, Java can't tell from what it still needs."""
_DRIVERS_OWN = {
    "AFTERBELL_HOME", "AFTERBELL_LAKE_CATALOG", "AFTERBELL_LAKE_WAREHOUSE", "AFTERBELL_CONFIG", "AFTERBELL_FEED_BUCKET",
    "AFTERBELL_ARTIFACT_BUCKET", "AFTERBELL_HDFS_ROOT", "KIND_OF_WAREHOUSE", "PYSPARK_SUBMIT_ARGS",
}  # fmt: skip
"""Variables that the driver alone reads; the last one names a folder of the first scenario for Spark's own files."""


class Java:
    """A JVM with a gateway and without a Spark context.

    Attributes:
        log: what Java writes.
        served: how many scenarios have ended well on it.
    """

    def __init__(self, env: Mapping[str, str], home: Path) -> None:
        """Start it with the variables ``env`` in the folder ``home``, and wait until it answers."""
        self.log, self.served = home / "java.log", 0
        self._lasting = _lasting(env)
        told = home / "gateway"
        argv = [f"{env['SPARK_HOME']}/bin/spark-submit", *shlex.split(env["PYSPARK_SUBMIT_ARGS"])]
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                argv,
                env={**env, "_PYSPARK_DRIVER_CONN_INFO_PATH": str(told)},
                cwd=home,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        end = time.monotonic() + LONG
        while not told.exists():
            assert self._process.poll() is None, self.log.read_text(encoding="utf-8", errors="replace")
            assert time.monotonic() < end, f"Java has no gateway after {LONG} s: {self.log}"
            time.sleep(0.05)
        words = told.read_bytes()  # a port, a length and so many bytes: pyspark.java_gateway
        self._port, length = struct.unpack("!ii", words[:8])
        self._secret = words[8 : 8 + length].decode()

    @property
    def address(self) -> dict[str, str]:
        """The variables by which PySpark finds the gateway."""
        return {"PYSPARK_GATEWAY_PORT": str(self._port), "PYSPARK_GATEWAY_SECRET": self._secret}

    def can_serve(self, env: Mapping[str, str], *, any_stores: bool) -> bool:
        """Whether Java would be started with the same variables for a driver with ``env``."""
        runs = self._process.poll() is None and self.served < _MOST
        return runs and (any_stores or self._lasting == _lasting(env))

    def end(self) -> None:
        """End it, whatever it does."""
        self._process.kill()
        self._process.communicate()


def _lasting(env: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in env.items() if name not in _DRIVERS_OWN}


_waiting: list[Java] = []
"""The JVM that the last scenario of this process left, if it ended well."""


@contextmanager
def java_for(env: Mapping[str, str], home: Path, *, any_stores: bool) -> Iterator[Java]:
    """A JVM for the block, which no other scenario uses meanwhile; it waits for another one where the block ends well.

    Args:
        env: the variables of the driver.
        home: takes the log and Spark's own files of a JVM that has to be started.
        any_stores: whether the driver uses no S3 and no HDFS, so that keys of others don't matter.
    """
    java = _waiting.pop() if _waiting else None
    if java is None or not java.can_serve(env, any_stores=any_stores):
        end_waiting(java)
        java = Java(env, home)
    try:
        yield java
    except BaseException:
        java.end()
        raise
    java.served += 1
    _waiting.append(java)


def end_waiting(java: Java | None = None) -> None:
    """End ``java``, and the one that waits."""
    for each in [*([java] if java else []), *_waiting]:
        each.end()
    _waiting.clear()


atexit.register(end_waiting)
