"""The gate: one row a case, and what it refuses to decide."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from afterbell.errors import GateError
from afterbell.evaluation.gate import Contender, GateDecision, decide, in_time
from afterbell.evaluation.settings import load_gate
from tests.evaluation.conftest import GATE, days

TODAY, BEFORE = date(2020, 6, 2), date(2020, 6, 1)


def ics(mean, *, spread=0.02, sessions=60, first=date(2020, 1, 1), seed=0):
    values = np.random.default_rng(seed).standard_normal(sessions)
    values = mean + spread * (values - values.mean()) / values.std()
    return dict(zip(days(sessions, first), values.tolist(), strict=True))


def contender(name, session, h1=None, h5=None):
    found = {1: h1, 5: h5}
    return Contender(name, session, {horizon: values for horizon, values in found.items() if values is not None})


GOOD = contender("new", TODAY, ics(0.05), ics(0.06))
CASES = {
    "no champion, skilled": (GOOD, None, "publish", "not surely worse than zero skill"),
    "no champion, no skill": (
        contender("new", TODAY, ics(0.0), ics(0.0)),
        None,
        "publish",
        "not surely worse than zero skill",
    ),
    "no champion, weak and noisy": (
        contender("new", TODAY, ics(-0.01, spread=0.2), ics(0.06)),
        None,
        "publish",
        "not surely worse than zero skill",
    ),
    "no champion, harmful": (contender("new", TODAY, ics(-0.03), ics(0.06)), None, "hold", "h1: rank IC against zero"),
    "no champion, short": (contender("new", TODAY, ics(0.05, sessions=5), ics(0.05)), None, "hold", "5 out-of-sample"),
    "better": (
        GOOD,
        contender("old", BEFORE, ics(0.03, seed=1), ics(0.03, seed=1)),
        "publish",
        "no worse than the champ",
    ),
    "as good": (
        GOOD,
        contender("old", BEFORE, ics(0.05, seed=1), ics(0.06, seed=1)),
        "publish",
        "no worse than the champ",
    ),
    "worse": (GOOD, contender("old", BEFORE, ics(0.08, seed=1), ics(0.03, seed=1)), "keep", "h1: rank IC against the"),
    "worse within noise": (
        GOOD,
        contender("old", BEFORE, ics(0.055, spread=0.4, seed=1), ics(0.06, seed=1)),
        "keep",
        "expected all above -0.0100",
    ),
    "the same again": (
        contender("old", TODAY, ics(0.05), ics(0.05)),
        contender("old", TODAY),
        "keep",
        "already champion",
    ),
    "an old session": (
        contender("new", BEFORE, ics(0.2), ics(0.2)),
        contender("old", TODAY, ics(0.01), ics(0.01)),
        "keep",
        "an old session (2020-06-01) never moves it",
    ),
    "a rerun of the session": (
        GOOD,
        contender("old", TODAY, ics(0.03, seed=1), ics(0.03, seed=1)),
        "publish",
        "no worse than the champion",
    ),
    "a horizon missing": (
        contender("new", TODAY, ics(0.05)),
        None,
        "hold",
        "no out-of-sample predictions for horizons [5]",
    ),
    "too good": (contender("new", TODAY, ics(0.05), ics(0.5)), None, "hold", "too good to be true"),
    "too sure": (contender("new", TODAY, ics(0.2, spread=0.0001), ics(0.05)), None, "hold", "too good to be true"),
    "too good with a champion": (
        contender("new", TODAY, ics(0.5), ics(0.05)),
        contender("old", BEFORE, ics(0.03), ics(0.03)),
        "hold",
        "too good",
    ),
    "a horizon that is new": (
        GOOD,
        contender("old", BEFORE, ics(0.03, seed=1)),
        "publish",
        "no worse than the champion",
    ),
    "a horizon fewer than the champion": (
        contender("new", TODAY, ics(0.05), ics(0.05)),
        Contender("old", BEFORE, {1: ics(0.03), 5: ics(0.03), 20: ics(0.03)}),
        "hold",
        "horizons [20]",
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_verdict(case):
    candidate, champion, verdict, reason = case
    found = decide(candidate, champion, (1, 5), GATE)
    assert found.verdict == verdict
    assert reason in found.reason


def test_a_steady_difference_is_judged_by_its_mean():
    better = contender("new", TODAY, ics(0.05), ics(0.05))
    steady = contender("old", BEFORE, {day: value + 0.002 for day, value in ics(0.05).items()}, ics(0.05))
    found = decide(better, steady, (1, 5), GATE).comparisons[0]
    # Paired by session the noise of the two cancels: every resample has the same mean.
    assert (found.mean, found.low, found.high) == pytest.approx((-0.002, -0.002, -0.002))
    assert found.passed


def test_only_sessions_of_both_are_compared():
    rival = contender("old", BEFORE, ics(0.03, first=date(2020, 1, 21)), ics(0.03, first=date(2020, 1, 21)))
    found = decide(GOOD, rival, (1, 5), GATE).comparisons[0]
    assert (found.sessions, found.first, found.last) == (40, date(2020, 1, 21), date(2020, 2, 29))


def test_the_same_question_has_the_same_answer():
    rival = contender("old", BEFORE, ics(0.045, seed=1), ics(0.05, seed=1))
    assert decide(GOOD, rival, (1, 5), GATE) == decide(GOOD, rival, (1, 5), GATE)


def test_the_gate_that_ships_is_read():
    assert load_gate().resamples == 2000


@pytest.mark.parametrize(
    "rival",
    [
        contender("old", BEFORE, ics(0.03, first=date(2021, 1, 1)), ics(0.03, first=date(2021, 1, 1))),
        contender("old", BEFORE, ics(0.03, first=date(2020, 2, 20)), ics(0.03)),
        contender("old", BEFORE),
    ],
    ids=["another window", "a window too short", "no predictions"],
)
def test_nothing_is_decided_without_a_common_window(rival):
    with pytest.raises(GateError, match="nothing was decided"):
        decide(GOOD, rival, (1, 5), GATE)


def test_what_would_be_published_after_the_deadline_is_held_and_nothing_else_changes():
    deadline = datetime(2016, 6, 30, 22, 0, tzinfo=UTC)
    found = GateDecision("publish", "no worse than the champion")
    assert in_time(found, deadline, deadline) is found
    late = in_time(found, deadline + timedelta(seconds=1), deadline)
    assert late.verdict == "hold"
    assert late.reason == (
        "the deadline 2016-06-30 22:00:00 UTC has passed; but for that it was: no worse than the champion"
    )
    kept = GateDecision("keep", "worse than the champion")
    assert in_time(kept, deadline + timedelta(hours=1), deadline) is kept
