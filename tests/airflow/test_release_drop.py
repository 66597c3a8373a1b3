"""The form of `release_drop`: what it takes and what it refuses."""

from __future__ import annotations

import pytest

from afterbell.airflow.open_release_drop import check_form
from afterbell.airflow.spark_step import step_arguments
from afterbell.errors import ConfigError
from afterbell.run.contracts.opened import OpenedRun
from tests.airflow.forms import HOSTILE, bag, form, refused

DAG = "release_drop"
GOOD = {"refusal_id": "0123456789abcdef", "reason": "a half day that the calendar does not know"}


def test_a_good_form_is_taken():
    assert form(DAG, GOOD) == GOOD
    assert check_form(form(DAG, GOOD)) == GOOD


@pytest.mark.parametrize("value", [*HOSTILE, "", None, 7, "0123456789ABCDEF", "0123456789abcde", "0123456789abcdef\n"])
def test_a_refusal_is_an_id_and_nothing_else(value):
    refused(DAG, GOOD | {"refusal_id": value}, "refusal_id")
    with pytest.raises(ConfigError, match="is not 16 hexadecimal digits"):
        check_form(GOOD | {"refusal_id": value})


@pytest.mark.parametrize("value", ["", "no", "two\nlines", "nul\0", "line\u2028separator"])
def test_a_reason_is_one_line_that_says_something(value):
    refused(DAG, GOOD | {"reason": value}, "reason")
    with pytest.raises(ConfigError, match="give one line of 3 to 500 characters"):
        check_form(GOOD | {"reason": value})


def test_the_step_is_told_who_asked():
    run = {"session": "2026-06-30", "run_id": "r", "deadline": "2026-06-30T22:00:00+00:00", "by": "ann", **GOOD}
    told = " ".join(step_arguments("release_drop", OpenedRun.read(run), [run]))
    assert '"by": "ann"' in told
    assert [task.task_id for task in bag().dags[DAG].topological_sort()] == ["open_release_drop", "release_drop"]
