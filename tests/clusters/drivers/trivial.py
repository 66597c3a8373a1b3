"""A driver that does a small Spark job and then what its arguments say: ``exit N``, ``wait FILE``, ``print TEXT``."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from pyspark.sql import SparkSession


def main(todo: str, *rest: str) -> int:
    spark = SparkSession.builder.appName("trivial").getOrCreate()
    spark.sparkContext.setLogLevel("WARN")
    total = spark.sparkContext.parallelize(range(100), 2).sum()
    print(json.dumps({"total": total, "arguments": rest, "python": sys.executable}), flush=True)
    if todo == "wait":
        while not Path(rest[0]).exists():  # the test makes it when the driver may go on
            time.sleep(0.1)
    spark.stop()
    return int(rest[0]) if todo == "exit" else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
