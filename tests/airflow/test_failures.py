"""What a failed task leaves: the last lines of its log, and the reason for the pages."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from afterbell import errors
from afterbell.airflow.failures import WIDTH, condense_failures, describe, keep
from afterbell.remedies import remedy

FAMILIES = {"AfterbellError", "PermanentError", "RetryableError"}
KINDS = sorted(
    name
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, errors.AfterbellError) and name not in FAMILIES
)


def context(error=None, task="features", **more):
    told = {}
    ti = SimpleNamespace(
        task_id=task, dag_id="daily_retraining", try_number=2, xcom_push=lambda key, value: told.update({key: value})
    )
    return {
        "ti": ti,
        "task": SimpleNamespace(retries=2),
        "run_id": "manual__1",
        "exception": error,
        "told": told,
    } | more


@pytest.mark.parametrize("kind", KINDS)
def test_there_is_something_to_do_about_every_kind_of_error(kind):
    assert remedy(kind).endswith("."), kind
    assert len(remedy(kind)) < 200


def test_what_is_no_error_of_ours_has_no_remedy():
    assert [remedy(name) for name in ("ValueError", "annotations", "", "AfterbellError")] == ["", "", "", ""]


def test_a_failure_says_what_where_and_what_to_do():
    text = "step 'features' failed: StoreConfigError: bucket 'lake' refused: check the key of afterbell_s3_lake"
    found = describe(context(), AirflowFailException(text), again=False)
    assert (found.task, found.kind) == ("features", "StoreConfigError")
    assert found.what == "bucket 'lake' refused: check the key of afterbell_s3_lake"
    assert found.where == "task features of daily_retraining, run manual__1, try 2"
    assert found.do.startswith(
        "Correct bucket, path or credentials of the connection that the message names. Then clear"
    )


def test_what_airflow_tries_again_by_itself_needs_nobody_yet():
    found = describe(context(), AirflowException("step 'features' failed: NoResourcesError: no offers"), again=True)
    assert found.do.startswith("Nothing yet: Airflow tries it again by itself")


def test_a_refused_form_is_not_to_be_cleared_but_filled_in_again():
    error = AirflowFailException("NotASessionError: 2026-07-03 is not a session")
    found = describe(context(task="open_run"), error, again=False)
    assert "clear" not in found.do
    assert found.do.endswith("Then start a new run: the values of this one are not valid.")


@pytest.mark.parametrize("text", ["word " * 900, "x" * 3000, "one\n" * 90, "a\tb " + "long-word-with-dashes " * 40, ""])
def test_the_last_lines_of_a_log_are_few_and_short(text):
    lines = describe(context(), AirflowException(text), again=False).lines()
    assert 4 <= len(lines) <= 20
    assert all(len(line) <= WIDTH or " " not in line.strip()[8:] for line in lines)
    assert [line[:8].strip() for line in lines if line[:8].strip()] == ["failed", "what", "where", "do"]


def test_no_secret_is_left_for_the_pages():
    told = context(AirflowException("s3 at http://me:hunter2@host refused; password=hunter2 key sesame"))
    keep(told, again=False, secrets=["sesame"])
    assert "hunter2" not in str(told["told"])
    assert "sesame" not in str(told["told"])


def test_a_lost_worker_leaves_no_error_and_is_told_as_that():
    found = describe(context(), None, again=False)
    assert (found.kind, found.what) == ("the worker was lost", "its log gives no reason")


def test_a_failure_of_ours_has_no_chain_of_errors_behind_it():
    @condense_failures
    def step():
        try:
            open("/nowhere/at/all")  # noqa: PTH123, SIM115
        except OSError as error:
            raise AirflowFailException("step 'x' failed: StoreUnavailableError: away") from error

    with pytest.raises(AirflowFailException) as raised:
        step()
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__


def test_what_nobody_foresaw_keeps_its_whole_traceback():
    @condense_failures
    def step():
        try:
            {}["a"]
        except KeyError as error:
            raise RuntimeError("a fault of ours") from error

    with pytest.raises(RuntimeError) as raised:
        step()
    assert isinstance(raised.value.__cause__, KeyError)
    assert raised.traceback[-1].name == "step"
