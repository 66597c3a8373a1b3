"""A job that says who it is, and ends as its first argument says: with a status, never, or with its JVM killed."""

import ctypes
import os
import signal
import sys
import time
from pathlib import Path

from pyspark.sql import SparkSession

spark = SparkSession.builder.appName("warm").getOrCreate()
jvm = spark._jvm.java.lang.ProcessHandle.current().pid()
print(f"JVM {jvm} PYTHON {os.getpid()} APPLICATION {spark.sparkContext.applicationId}", flush=True)
print(
    f"TOLD {sys.argv[1:]} IN {os.environ.get('AIRFLOW_TASK')} SAW {spark.conf.get('spark.left', 'nothing')}", flush=True
)
print(f"FOUND {spark.range(100).count()}", file=sys.stderr, flush=True)
if "workers" in sys.argv:

    def look(_):
        maps = Path("/proc/self/maps").read_text().splitlines()
        blas = {line.split()[-1] for line in maps if "openblas" in line.rpartition("/")[2]}
        ask = ("scipy_openblas_get_num_threads64_", "scipy_openblas_get_num_threads", "openblas_get_num_threads")
        found = {getattr(ctypes.CDLL(path), name, lambda: 0)() for path in blas for name in ask}
        return os.getpid(), os.getppid(), sorted({"pandas", "polars"} & set(sys.modules)), sorted(found - {0})

    worker, daemon, imported, threads = spark.sparkContext.parallelize([0], 1).map(look).first()
    print(f"WORKER {worker} DAEMON {daemon} IMPORTED {imported} THREADS {threads}", flush=True)
spark.conf.set("spark.left", "something")
end = sys.argv[1]
if end == "wait":
    time.sleep(600)
if end == "kill":
    os.kill(jvm, signal.SIGKILL)
    spark.range(100).count()
sys.exit(int(end))
