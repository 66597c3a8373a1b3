"""Budgets from past runs, by hand-made timings: work, the pauses between, and what must not count."""

from datetime import UTC, datetime, timedelta

from afterbell.sla.budgets import Budgets, Timing, default_budgets, learn
from afterbell.sla.policy import load_policy

POLICY = load_policy()
BELL = datetime(2016, 6, 30, 20, 0, tzinfo=UTC)


def timing(start, seconds, noop=False):
    """A step that starts ``start`` seconds after the bell."""
    began = BELL + timedelta(seconds=start)
    return Timing(began, began + timedelta(seconds=seconds), noop)


def ingests(*seconds):
    return [{"ingest": timing(0, each)} for each in seconds]


def test_without_history_the_policy_decides():
    assert learn([], POLICY) == default_budgets(POLICY)
    assert learn([], POLICY).seconds["train"] == 2400


def test_fewer_runs_than_the_policy_asks_for_do_not_count():
    assert learn(ingests(10, 20), POLICY).seconds["ingest"] == 600


def test_a_budget_is_the_quantile_of_what_a_step_took():
    # Of 50, 60, ..., 140 four fifths are at most 120.
    found = learn(ingests(*range(50, 150, 10)), POLICY)
    assert found.seconds["ingest"] == 120.0
    assert found.learned == {"ingest": 10}


def test_the_pause_before_a_step_belongs_to_it():
    # Ingest ends at 100; validate starts at 107, 109 and 111 and works 30 s: 30 + 9.
    runs = [{"ingest": timing(0, 100), "validate": timing(start, 30)} for start in (107, 109, 111)]
    found = learn(runs, POLICY)
    assert found.seconds["validate"] == 39.0
    # Nobody knows what came before ingest: the usual pause of 9 s stands for it.
    assert found.seconds["ingest"] == 109.0


def test_a_pause_in_which_somebody_was_waited_for_does_not_count():
    runs = [{"ingest": timing(0, 100), "validate": timing(start, 30)} for start in (107, 109, 111, 40_000)]
    assert learn(runs, POLICY).seconds["validate"] == 39.0


def test_steps_that_found_nothing_to_do_do_not_count():
    runs = [*ingests(100, 110, 120), {"ingest": timing(0, 1, noop=True)}, *ingests(2, 3)]
    found = learn(runs, POLICY)
    # The shortest of 2, 3, 100, 110, 120 are less than a quarter of their median of 100; of the rest 4/5 are <= 120.
    assert (found.seconds["ingest"], found.learned["ingest"]) == (120.0, 3)


def test_what_remains_after_a_step_is_the_sum_of_those_behind_it():
    found = default_budgets(POLICY)
    assert found.after("train") == 300 + 120 + 180
    assert found.after("score") == 0


def test_budgets_travel_as_json():
    found = learn(ingests(10, 20, 30), POLICY)
    assert Budgets.of(found.figures()) == found
