"""The instant from which maintenance counts ages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from spark_jobs.maintain import reference

NOW = datetime(2026, 6, 28, 10, 0, tzinfo=UTC)
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)


@pytest.mark.parametrize(
    ("now", "store", "newest", "expected", "warned"),
    [
        (NOW, NOW, NOW - MINUTE, NOW - MINUTE, False),
        (NOW, NOW + MINUTE, None, NOW, False),
        (NOW + 4 * MINUTE, NOW, NOW, NOW, False),
        (NOW + 10 * DAY, NOW, NOW - DAY, NOW - DAY, True),
        (NOW + 10 * DAY, NOW, None, NOW, True),
        (NOW + 10 * DAY, NOW + 10 * DAY, NOW - DAY, NOW - DAY, False),
    ],
    ids=["all agree", "an empty lake", "a few minutes", "this machine is ahead", "ahead and empty", "both are ahead"],
)
def test_nothing_is_older_than_to_the_store_or_at_the_newest_commit(now, store, newest, expected, warned) -> None:
    found, warning = reference(now, store, newest)
    assert found == expected
    assert bool(warning) is warned
