"""The step's own message comes out of Spark's log, and a permanent failure is not tried again."""

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
    found = failure_of("ingest", AirflowException("Error code is: 137. Killed"))
    assert str(found) == "step 'ingest' failed: Error code is: 137. Killed"
