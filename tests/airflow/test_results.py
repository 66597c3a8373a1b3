"""The step's own message comes out of Spark's log, and a permanent failure is not tried again."""

import re

import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from afterbell.airflow.results import failure_of

LOG = """Cannot execute: spark-submit --master local[*] ingest.py. Error code is: {status}.
Last 20 lines of spark-submit output:
26/11/21 05:07:38 WARN NativeCodeLoader: Unable to load native-hadoop library
ingest: MissingDropsError: s3://feed/prices has no drop for 2016-06-30
expected a key like prices/2016/20160630.csv.gz
26/11/21 05:07:39 INFO ShutdownHookManager: Shutdown hook called"""


def test_a_permanent_failure_gives_the_message_alone_and_no_retry():
    found = failure_of("ingest", AirflowException(LOG.format(status=64)))
    assert isinstance(found, AirflowFailException)
    assert str(found) == (
        "step 'ingest' failed: MissingDropsError: s3://feed/prices has no drop for 2016-06-30\n"
        "expected a key like prices/2016/20160630.csv.gz"
    )


def test_any_other_failure_may_be_tried_again():
    found = failure_of("ingest", AirflowException(LOG.format(status=1)))
    assert not isinstance(found, AirflowFailException)


def test_a_failure_without_a_message_of_ours_keeps_the_whole_text():
    found = failure_of("ingest", AirflowException("Error code is: 2. Usage: spark-submit"))
    assert str(found) == "step 'ingest' failed: Error code is: 2. Usage: spark-submit"


HEAP = "Error code is: 1.\nLast spark-submit output:\njava.lang.OutOfMemoryError: Java heap space\n\tat Arrays.copyOf"


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        (HEAP, r"heap of 4g is full \(Java heap space\): raise driver_memory \(in the cluster profile\)"),
        ("Error code is: -9.", "the driver was killed .* lower driver_memory"),
        ("Error code is: 137.", "the driver was killed"),
        ("TASK_FAILED: Command exited with status 137", "the driver was killed"),
        (
            "numpy.core._exceptions._ArrayMemoryError: Unable to allocate 9 GiB",
            "the driver's Python got no more memory",
        ),
        (
            "Job aborted due to stage failure: Lost task 0.3 in stage 1.0: java.lang.OutOfMemoryError: Java heap space",
            "an executor ran out of memory: raise executor_memory",
        ),
    ],
)
def test_want_of_memory_names_what_to_raise_and_is_tried_once_more(text, hint):
    first = failure_of("train", AirflowException(text), attempt=1, driver_memory="4g")
    again = failure_of("train", AirflowException(text), attempt=2, driver_memory="4g")
    assert re.search(rf"step 'train' failed: OutOfMemoryError: .*{hint}", str(first))
    assert text in str(first)
    assert not isinstance(first, AirflowFailException)
    assert isinstance(again, AirflowFailException)


@pytest.mark.parametrize("text", ["Error code is: 1379", "exit status 1", "Error code is: 143. Killed by Airflow"])
def test_another_end_is_no_want_of_memory(text):
    assert "Memory" not in str(failure_of("train", AirflowException(text)))


def test_a_driver_that_gave_up_waiting_is_told_by_its_own_message_and_may_be_tried_again():
    """The end of a real driver's log, as the provider hands it on."""
    text = """Cannot execute: spark-submit --master spark://m1:7077 train.py. Error code is: 1.
Last spark-submit output:
26/11/25 15:37:08 WARN TaskSchedulerImpl: Initial job has not accepted any resources; check your cluster UI
train: NoResourcesError: the driver got no executor for 180 s from spark://m1:7077: no worker is registered
Requested: spark.executor.memory=4g (first_executor_seconds of the cluster profile is the limit). Application app-7"""
    found = failure_of("train", AirflowException(text))
    assert not isinstance(found, AirflowFailException)
    assert str(found).startswith(
        "step 'train' failed: NoResourcesError: the driver got no executor for 180 s from spark://"
    )
    assert str(found).endswith("Application app-7")


_REFUSED = """Cannot execute: spark-submit --master mesos://m1:5050 ingest.py. Error code is: 1.
Last spark-submit output:
E1129 12:00:00 4242 sched.cpp:510] Master master@10.0.0.1:5050 refused authentication
org.apache.spark.SparkException: Error starting driver, DRIVER_ABORTED
{message}"""


@pytest.mark.parametrize("message", ["", "ingest: ClusterUnavailableError: mesos://m1:5050 refused this driver"])
def test_a_framework_that_mesos_refuses_fails_for_good_with_the_reason(message):
    found = failure_of("ingest", AirflowException(_REFUSED.format(message=message)))
    assert isinstance(found, AirflowFailException)
    assert "Master master@10.0.0.1:5050 refused authentication" in str(found)
