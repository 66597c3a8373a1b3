"""Lines about fits: what is done, how fast, and when the last will be."""

from datetime import UTC, datetime

from afterbell.training.fits import Fit, FitResult
from afterbell.training.progress import FitProgress, pace_line

NOON = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)


def test_the_rate_decides_when_the_last_fit_is_done():
    # Half a fit a second are 30 a minute, and 100 more take 200 seconds.
    line = pace_line(done=100, planned=200, rate=0.5, now=NOON, limit=None)
    assert line == "100 of 200 fits done, 30.0 a minute; the last at about 12:03:20 UTC"


def test_where_there_is_no_time_for_all_of_them_the_end_of_the_time_is_named():
    line = pace_line(done=100, planned=200, rate=0.5, now=NOON, limit=NOON.replace(minute=2))
    assert line == "100 of 200 fits done, 30.0 a minute; the time ends before them, at 12:02:00 UTC"
    assert "the last at about" in pace_line(100, 200, 0.5, NOON, NOON.replace(minute=4))


def test_each_fit_has_a_line_with_its_rows_or_the_reason_that_there_is_none():
    lines = []
    progress = FitProgress(lambda: 7, lines.append)
    progress(1, FitResult(Fit("ridge", 5, 2, 100), rows=3000, seconds=1.25))
    progress(2, FitResult(Fit("ridge", 5, 3, 100), "9 training rows, expected 100 or more"))
    assert lines == [
        "1/7 ridge h5 fold 3: 3000 rows in 1.2 s",
        "2/7 ridge h5 fold 4: 9 training rows, expected 100 or more",
    ]
