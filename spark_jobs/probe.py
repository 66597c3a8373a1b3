"""Look at a cluster from its driver and from its executors; the result holds what each of them found; nothing fails.

Inputs: share (address of a file that the submitter put into the profile's share, or empty). Nothing of the lake is
changed; a small file is written into the warehouse and removed.
"""

from __future__ import annotations

import os
import sys

from pyspark.sql import SparkSession

from afterbell.cluster.environment_check import differences, facts, on_executors
from afterbell.config.runtime import Runtime
from afterbell.lake.spark import lake_session
from afterbell.lake.tables import CATALOG
from afterbell.run.contracts.releases import ProbedDriver, ProbedExecutor, ProbeInputs, ProbeResult
from afterbell.run.job import StepArgs, run_step
from afterbell.run.probe import Look, drop_marker, leave_marker, trouble
from afterbell.run.steps import PROBE
from afterbell.training.packages import all_packages

_JAVA = "java_method('java.lang.System', 'getProperty', 'java.version') AS java"


def probe(args: StepArgs[ProbeInputs]) -> ProbeResult:
    """The driver's facts, each executor's with what differs, and the troubles of both."""
    runtime, share = Runtime.from_env(), args.inputs.share
    spark = lake_session(runtime, "afterbell probe")
    packages = all_packages()
    here, markers = facts(packages), []
    left = trouble(lambda: markers.append(leave_marker(runtime)))
    executors = on_executors(spark, Look(runtime, packages, markers[0] if markers else ""))
    for name in markers:
        drop_marker(runtime, name)
    java = str(spark.sparkContext._jvm.java.lang.System.getProperty("java.version"))  # noqa: SLF001
    return ProbeResult(
        driver=ProbedDriver(**here, java=java, cores=os.cpu_count() or 0),
        executors=tuple(
            ProbedExecutor(**executor, differs=tuple(differences(here, executor))) for executor in executors
        ),
        javas=tuple(_javas(spark)),
        application=spark.sparkContext.applicationId,
        warehouse=left,
        catalog=trouble(lambda: spark.sql(f"SHOW NAMESPACES IN {CATALOG}").collect()),
        share=trouble(lambda: spark.sparkContext.textFile(share, 1).collect()) if share else None,
    )


def _javas(spark: SparkSession) -> list[str]:
    """The versions of Java that tasks run on."""
    tasks = spark.sparkContext.defaultParallelism
    rows = spark.range(0, tasks, 1, tasks).selectExpr(_JAVA).collect()
    return sorted({str(row["java"]) for row in rows})


if __name__ == "__main__":
    sys.exit(run_step(PROBE, probe))
