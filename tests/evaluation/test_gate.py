"""The gate: one row a case, and what it refuses to decide."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from afterbell.errors import GateError
from afterbell.evaluation.gate import POOLED, Contender, GateDecision, Rival, decide, hold_for, in_time
from afterbell.evaluation.paired import PairedICs
from afterbell.evaluation.settings import load_gate
from tests.evaluation.conftest import GATE, days

TODAY, BEFORE = date(2020, 6, 2), date(2020, 6, 1)
SERVES = "2020-06-01-0123456789ab"


def series(mean: float, *, spread: float = 0.02, sessions: int = 60, seed: int = 0) -> np.ndarray:
    """Rank ICs of exactly this mean and standard deviation."""
    values = np.random.default_rng(seed).standard_normal(sessions)
    return np.asarray(mean + spread * (values - values.mean()) / values.std())


def ics(mean: float, **more: float) -> dict[date, float]:
    values = series(mean, **more)  # type: ignore[arg-type]
    return dict(zip(days(values.size), values.tolist(), strict=True))


def contender(name: str, session: date, **by_horizon: dict[date, float]) -> Contender:
    return Contender(name, session, {int(horizon[1:]): values for horizon, values in by_horizon.items()})


def paired(difference: float, *, own: float = 0.05, spread: float = 0.02, sessions: int = 60) -> PairedICs:
    """The candidate's rank ICs, and a rival's that differ by ``difference`` on the average."""
    candidate = series(own, sessions=sessions)
    rival = candidate - series(difference, spread=spread, sessions=sessions, seed=1)
    return PairedICs(days(sessions), candidate, rival, 100 * sessions)


def champion(
    h1: PairedICs | None = None,
    h5: PairedICs | None = None,
    *,
    session: date = BEFORE,
    name: str = "old",
    horizons: tuple[int, ...] = (1, 5),
    approved: dict[int, PairedICs] | None = None,
    same_recipe: bool = True,
) -> Rival:
    compared = {horizon: part for horizon, part in ((1, h1), (5, h5)) if part is not None}
    other = approved is not None
    return Rival(
        SERVES, name, session, horizons, compared, approved if approved is not None else compared,
        "2020-01-02-ffffffffffff" if other else SERVES, same_recipe,
    )  # fmt: skip


GOOD = contender("new", TODAY, h1=ics(0.05), h5=ics(0.06))
FIRST_CASES = {
    "skilled": (GOOD, "publish", "first release: the pooled rank IC is +0.05"),
    "some skill": (
        contender("new", TODAY, h1=ics(0.02, spread=0.05), h5=ics(0.02, spread=0.05)),
        "hold",
        "it is published when a person agrees, and scores as provisional",
    ),
    "no skill": (contender("new", TODAY, h1=ics(0.0), h5=ics(0.0)), "hold", "no skill is shown yet"),
    "harmful": (contender("new", TODAY, h1=ics(-0.03), h5=ics(0.0)), "hold", "no skill is shown yet"),
    "one horizon cannot carry the other": (
        contender("new", TODAY, h1=ics(-0.05), h5=ics(0.05)), "hold", "no skill is shown yet"
    ),
    "short": (
        contender("new", TODAY, h1=ics(0.05, sessions=5), h5=ics(0.05)), "hold", "5 out-of-sample sessions are too few"
    ),
    "a horizon missing": (contender("new", TODAY, h1=ics(0.05)), "hold", "for horizons [5]"),
    "too good": (contender("new", TODAY, h1=ics(0.05), h5=ics(0.5)), "hold", "h5: rank IC 0.500, above 0.35"),
    "too sure": (contender("new", TODAY, h1=ics(0.2, spread=0.0001), h5=ics(0.05)), "hold", "above 100, is too good"),
}  # fmt: skip
CASES = {
    "better": (champion(paired(0.02), paired(0.03)), "publish", "a refresh of the same recipe"),
    "as good": (champion(paired(0.0), paired(0.0, spread=0.005)), "publish", "a refresh of the same recipe"),
    "worse": (champion(paired(-0.03), paired(-0.02)), "keep", "expected above -0.0100"),
    "worse within noise": (champion(paired(-0.002, spread=0.2), paired(0.0, spread=0.2)), "keep", "expected above"),
    "surely a little worse": (champion(paired(-0.007, spread=0.004), paired(-0.007, spread=0.004)), "keep", "approved"),
    "without skill of its own": (
        champion(paired(0.02, own=-0.01), paired(0.02, own=-0.01)), "keep", "its own rank IC is -0.01"
    ),
    "the same again": (champion(name="new", session=TODAY), "keep", "already champion"),
    "an old session": (champion(session=TODAY + timedelta(days=1)), "keep", "an old session (2020-06-02) never"),
    "a rerun of the session": (champion(paired(0.0), paired(0.0), session=TODAY), "publish", "a refresh"),
    "a horizon fewer than the champion": (
        champion(paired(0.0), paired(0.0), horizons=(1, 5, 20)), "hold", "horizons [20]"
    ),
    "a horizon that is new, with skill": (champion(paired(0.0), horizons=(1,)), "publish", "a refresh"),
    "another recipe that is as good": (
        champion(paired(0.0), paired(0.0), same_recipe=False), "keep", "another recipe has to be better by 0.0050"
    ),
    "another recipe that is better": (
        champion(paired(0.006), paired(0.006), same_recipe=False), "publish", "another recipe, pooled rank IC"
    ),
    "a fourth small loss": (
        champion(
            paired(-0.002, spread=0.01), paired(-0.002, spread=0.01),
            approved={1: paired(-0.008, spread=0.01), 5: paired(-0.008, spread=0.01)},
        ),
        "keep",
        "its difference to 2020-01-02-ffffffffffff, the last release that a person approved, is -0.0080",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", FIRST_CASES.values(), ids=FIRST_CASES)
def test_the_verdict_while_nothing_serves(case: tuple[Contender, str, str]) -> None:
    candidate, verdict, reason = case
    decision = decide(candidate, None, (1, 5), GATE)
    assert decision.verdict == verdict
    assert reason in decision.reason


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_verdict_with_a_champion(case: tuple[Rival, str, str]) -> None:
    rival, verdict, reason = case
    decision = decide(GOOD, rival, (1, 5), GATE)
    assert decision.verdict == verdict, decision.reason
    assert reason in decision.reason


def test_only_some_skill_is_offered_to_a_person() -> None:
    offered = {name: decide(case[0], None, (1, 5), GATE).offer for name, case in FIRST_CASES.items()}
    assert [name for name, offer in offered.items() if offer] == ["some skill"]


def test_another_recipe_that_is_about_as_good_is_offered_to_a_person() -> None:
    as_good = decide(GOOD, champion(paired(0.0), paired(0.0), same_recipe=False), (1, 5), GATE)
    assert (as_good.verdict, as_good.offer) == ("keep", True)
    worse = decide(GOOD, champion(paired(-0.03), paired(-0.02), same_recipe=False), (1, 5), GATE)
    assert (worse.verdict, worse.offer) == ("keep", False)


def test_a_new_horizon_needs_skill_of_its_own() -> None:
    candidate = contender("new", TODAY, h1=ics(0.05), h5=ics(0.001, spread=0.1))
    decision = decide(candidate, champion(paired(0.0), horizons=(1,)), (1, 5), GATE)
    assert decision.verdict == "keep"
    assert "h5 is new, and its rank IC +0.0010" in decision.reason


def test_a_steady_difference_is_judged_by_its_mean() -> None:
    steady = paired(-0.002, spread=0.0)
    compared = decide(GOOD, champion(steady, steady), (1, 5), GATE).comparisons
    # Paired by session the noise of the two cancels: nothing is left to be unsure of.
    assert [row.horizon for row in compared] == [POOLED, 1, 5]
    for row in compared:
        assert (row.mean, row.low, row.high) == pytest.approx((-0.002, -0.002, -0.002))
        assert row.passed


def test_a_horizon_with_too_few_sessions_in_common_is_left_out() -> None:
    decision = decide(GOOD, champion(paired(0.0), paired(-0.5, sessions=5)), (1, 5), GATE)
    assert decision.verdict == "publish"
    assert [row.horizon for row in decision.comparisons] == [POOLED, 1]


@pytest.mark.parametrize(
    "rival",
    [champion(paired(0.0, sessions=5), paired(0.0, sessions=19)), champion()],
    ids=["too few", "none"],
)
def test_nothing_is_decided_without_sessions_in_common(rival: Rival) -> None:
    with pytest.raises(GateError, match="too few scored sessions in common"):
        decide(GOOD, rival, (1, 5), GATE)


def test_a_portfolio_that_is_too_good_is_held() -> None:
    decision = decide(replace(GOOD, sharpes={5: 1001.0}), None, (1, 5), GATE)
    assert decision.verdict == "hold"
    assert "h5: Sharpe ratio 1001.0, above 1000, is too good to be true" in decision.reason


def test_the_gate_that_ships_is_read() -> None:
    settings = load_gate()
    assert settings.too_good.rank_ic == 0.12
    assert (settings.first_release.offer, settings.first_release.publish) == (0.05, 0.001)
    assert settings.replacement.loss_budget == 0.005


def test_what_would_be_published_after_the_deadline_is_held_and_nothing_else_changes() -> None:
    deadline = datetime(2016, 6, 30, 22, 0, tzinfo=UTC)
    published = GateDecision("publish", "no worse than the champion")
    assert in_time(published, deadline, deadline) is published
    late = in_time(published, deadline + timedelta(seconds=1), deadline)
    assert late.verdict == "hold"
    assert late.reason == (
        "the deadline 2016-06-30 22:00:00 UTC has passed; the verdict before it was: no worse than the champion"
    )
    kept = GateDecision("keep", "worse than the champion")
    assert in_time(kept, deadline + timedelta(hours=1), deadline) is kept


def test_a_problem_of_the_final_models_is_held_for_a_person() -> None:
    published = GateDecision("publish", "better", offer=True)
    held = hold_for(published, ["h1: the final model gives one score to all symbols"])
    assert (held.verdict, held.offer) == ("hold", False)
    assert held.reason.startswith("h1: the final model gives one score to all symbols. A person has to look")
    assert hold_for(published, []) is published
