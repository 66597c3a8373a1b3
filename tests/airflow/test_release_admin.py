"""The form of `release_admin`: what it takes, what it refuses, and that what a person typed is only ever shown."""

from __future__ import annotations

import pytest

from afterbell.airflow.approval import AskOperator, Question, shown
from afterbell.airflow.open_release_admin import check_form
from afterbell.airflow.spark_step import step_arguments
from afterbell.errors import ConfigError
from afterbell.run.contracts.opened import OpenedRun
from tests.airflow.forms import HOSTILE, bag, form, refused

DAG = "release_admin"
RELEASE = "2026-06-30-0123456789ab"
GOOD = {"action": "rollback", "release_id": RELEASE, "reason": "the signals were upside down"}


def test_a_good_form_is_taken():
    assert form(DAG, GOOD) == GOOD
    assert check_form(form(DAG, GOOD)) == GOOD


def test_an_empty_form_verifies_the_champion():
    assert check_form(form(DAG, {})) == {"action": "verify", "release_id": "", "reason": ""}


@pytest.mark.parametrize("value", [*HOSTILE, "", None, 7, ["verify"], {"a": 1}, "Verify"])
def test_an_action_is_one_of_three(value):
    refused(DAG, GOOD | {"action": value}, "action")
    with pytest.raises(ConfigError, match="is not one of verify, rollback, promote"):
        check_form(GOOD | {"action": value})


@pytest.mark.parametrize("value", [*HOSTILE, RELEASE + "\n", RELEASE + " ", "champion", RELEASE[:-1], "x" * 41])
def test_a_release_is_an_id_and_nothing_else(value):
    refused(DAG, GOOD | {"release_id": value}, "release_id")
    with pytest.raises(ConfigError, match="is not like 2026-06-30-0123456789ab"):
        check_form(GOOD | {"release_id": value})


@pytest.mark.parametrize("value", [7, ["a"], {"a": 1}, True])
def test_a_field_of_another_type_is_refused(value):
    refused(DAG, GOOD | {"release_id": value}, "release_id")
    refused(DAG, GOOD | {"reason": value}, "reason")


@pytest.mark.parametrize("value", ["two\nlines", "nul\0", "bell\x07", "line\u2028separator", "end\n"])
def test_a_reason_is_one_line(value):
    refused(DAG, GOOD | {"reason": value}, "reason")


def test_a_reason_has_a_length():
    refused(DAG, GOOD | {"reason": "x" * 501}, "reason")
    with pytest.raises(ConfigError, match="rollback needs a reason"):
        check_form(GOOD | {"reason": "  "})


def test_a_promotion_names_its_release():
    with pytest.raises(ConfigError, match="promote needs a release_id"):
        check_form(GOOD | {"action": "promote", "release_id": ""})


@pytest.mark.parametrize("reason", ["; rm -rf /", "$(id)", "{{ conn.afterbell_s3.password }}", "--conf x"])
def test_a_reason_travels_as_data_in_one_argument(reason):
    asked = check_form(form(DAG, GOOD | {"reason": reason}))
    run = {"session": "2026-07-01", "run_id": "manual__x", "deadline": "2026-07-01T22:00:00+00:00", "by": "ann"}
    argv = step_arguments("check_release", OpenedRun.read(run), [run | asked])
    assert argv[-2] == "--inputs"
    assert len(argv) == 8


def test_what_a_person_typed_is_shown_as_plain_text_and_is_no_template():
    text = shown(Question(summary="A to B", reason="![x](http://evil/)\n~~~~~~~~\n# {{ ds }}", by="ann"))
    first, *body, last = text.splitlines()
    assert first == last == "~~~~~~~~"
    assert body == ["A to B", "reason: ![x](http://evil/) -------- # {{ ds }}", "by: ann"]
    ask = bag().dags[DAG].get_task("ask")
    assert isinstance(ask, AskOperator)
    assert tuple(ask.template_fields) == ("about",)


def test_nobody_waits_for_ever():
    ask = bag().dags[DAG].get_task("ask")
    assert ask.response_timeout.total_seconds() == 3600
    assert ask.defaults == ["Reject"]
    assert bag().dags[DAG].dagrun_timeout > ask.response_timeout
