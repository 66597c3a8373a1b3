"""A job that its cluster ended says so in one message."""

import pytest

from afterbell.cluster.spark_errors import removed_by
from afterbell.errors import ClusterUnavailableError, NoResourcesError

ABORTED = "org.apache.spark.SparkException: Job aborted due to stage failure: Master removed our application: FAILED"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (ABORTED, NoResourcesError),
        ("Error initializing SparkContext. All masters are unresponsive! Giving up.", ClusterUnavailableError),
        ("Job aborted due to stage failure: Lost task 0.3 in stage 1.0", type(None)),
    ],
)
def test_what_spark_says_of_it_is_known(text, kind):
    assert type(removed_by(RuntimeError(text))) is kind
