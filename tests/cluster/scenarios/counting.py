"""A step that counts to a hundred on the cluster it was submitted to, and says when its context stands."""

import sys
import time

from pyspark.sql import SparkSession

from afterbell.cluster.watch import open_session
from afterbell.run.contracts.base import Inputs, Result
from afterbell.run.job import StepArgs, run_step
from afterbell.run.steps import Step


class CountingInputs(Inputs):
    keep_counting: bool = False


def count(args: StepArgs[CountingInputs]) -> Result:
    spark = open_session(SparkSession.builder.appName("counting"))
    print(f"UP {spark.sparkContext.applicationId}", flush=True)
    found = spark.range(100).count()
    while args.inputs.keep_counting:
        print("COUNTED", flush=True)
        found = spark.range(100).count()
        time.sleep(0.2)
    print(f"FOUND {found}", flush=True)
    spark.stop()
    sys.exit(0)  # there is no store to put the result into


if __name__ == "__main__":
    sys.exit(run_step(Step("counting", CountingInputs, Result, {}), count))
