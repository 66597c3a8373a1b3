"""A job that says who it is, and ends as its first argument says: with a status, never, or with its JVM killed."""

import os
import signal
import sys
import time

from pyspark.sql import SparkSession

spark = SparkSession.builder.appName("warm").getOrCreate()
jvm = spark._jvm.java.lang.ProcessHandle.current().pid()
print(f"JVM {jvm} PYTHON {os.getpid()} APPLICATION {spark.sparkContext.applicationId}", flush=True)
print(
    f"TOLD {sys.argv[1:]} IN {os.environ.get('AIRFLOW_TASK')} SAW {spark.conf.get('spark.left', 'nothing')}", flush=True
)
print(f"FOUND {spark.range(100).count()}", file=sys.stderr, flush=True)
if "workers" in sys.argv:
    libraries = {"pandas", "polars"}
    asked = spark.sparkContext.parallelize([0], 1)
    worker, daemon, imported = asked.map(lambda _: (os.getpid(), os.getppid(), libraries & set(sys.modules))).first()
    print(f"WORKER {worker} DAEMON {daemon} IMPORTED {sorted(imported)}", flush=True)
spark.conf.set("spark.left", "something")
end = sys.argv[1]
if end == "wait":
    time.sleep(600)
if end == "kill":
    os.kill(jvm, signal.SIGKILL)
    spark.range(100).count()
sys.exit(int(end))
