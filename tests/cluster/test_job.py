"""The arguments of a step are typed, and an id never becomes a path or a branch unparsed."""

import json
from datetime import UTC, date, datetime

import pytest

from afterbell.cluster.job import EXIT_PERMANENT, parse_args, result_key, run_slug, run_step
from afterbell.errors import ConfigError

GOOD = ["--session", "2016-06-30", "--run-id", "manual__2016", "--deadline", "2016-06-30T22:00:00+00:00"]


def test_arguments_become_typed_values():
    found = parse_args("train", [*GOOD, "--inputs", json.dumps({"bars_snapshot": 7})])
    assert found.session == date(2016, 6, 30)
    assert found.deadline == datetime(2016, 6, 30, 22, tzinfo=UTC)
    assert found.require("bars_snapshot") == 7


def test_a_missing_input_is_named():
    with pytest.raises(ConfigError, match="'train' needs the input 'bars_snapshot'"):
        parse_args("train", GOOD).require("bars_snapshot")


@pytest.mark.parametrize(
    "argv",
    [
        GOOD[2:],
        ["--session", "30.06.2016", *GOOD[2:]],
        ["--session", "2016-06-31", *GOOD[2:]],
        [*GOOD[:5], "2016-06-30T22:00:00"],
        [*GOOD, "--inputs", "[1]"],
        [*GOOD, "--inputs", "{"],
    ],
    ids=["no session", "other date format", "no such day", "no zone", "not a mapping", "not JSON"],
)
def test_bad_arguments_are_refused(argv):
    with pytest.raises(ConfigError, match="arguments of step 'train'"):
        parse_args("train", argv)


@pytest.mark.parametrize(
    "run_id", ["", "../x", "a/b", "a;rm -rf", "$(id)", "a\nb", "-leading", "{{ ds }}", "é", "x" * 201]
)
def test_a_hostile_run_id_is_refused(run_id):
    with pytest.raises(ConfigError, match="is not allowed"):
        run_slug(run_id)


def test_a_run_id_of_airflow_becomes_one_path_segment():
    assert run_slug("manual__2026-11-21T05:30:00+00:00_aB3") == "manual_2026_11_21T05_30_00_00_00_aB3"
    assert result_key(date(2016, 6, 30), "manual__x", "train") == "runs/2016-06-30/manual_x/train.json"


def test_a_permanent_failure_has_an_exit_status_of_its_own_and_no_traceback(capsys):
    assert run_step("train", lambda _: {}, ["--session", "nonsense"]) == EXIT_PERMANENT
    shown = capsys.readouterr().err
    assert shown.startswith("train: ConfigError: arguments of step 'train'")
    assert "Traceback" not in shown
