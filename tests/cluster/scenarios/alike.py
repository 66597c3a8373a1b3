"""A step that asks for executors like its driver, and does no more."""

import sys

from pyspark.sql import SparkSession

from afterbell.cluster.environment_check import require_alike
from afterbell.cluster.watch import open_session
from afterbell.run.contracts.base import Inputs, Result
from afterbell.run.job import StepArgs, run_step
from afterbell.run.steps import Step
from afterbell.training.packages import all_packages


def look(args: StepArgs[Inputs]) -> Result:
    spark = open_session(SparkSession.builder.appName("alike"))
    require_alike(spark, all_packages())
    print("ALIKE", flush=True)
    spark.stop()
    sys.exit(0)  # there is no store to put the result into


if __name__ == "__main__":
    sys.exit(run_step(Step("alike", Inputs, Result, {}), look))
