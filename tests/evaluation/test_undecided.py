"""A gate that cannot decide keeps the champion and says why, so that the run goes on and scores."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from afterbell.errors import GateError
from afterbell.evaluation.candidate_scores import CandidateScores
from afterbell.evaluation.gate import Rival
from afterbell.release.manifest import Champion
from spark_jobs.evaluate import decide_against
from tests.evaluation.conftest import GATE
from tests.evaluation.test_gate import BEFORE, GOOD, champion, paired

CHAMPION = Champion(
    release_id="2020-06-01-0123456789ab",
    session=BEFORE,
    candidate_id="0123456789abcdef",
    manifest_sha256="0" * 64,
    previous=None,
    moved_at="2020-06-01T22:00:00+00:00",
    run_id="run",
)
OWN = CandidateScores(panels={}, scored={}, contender=GOOD, rows=1)


def gone() -> Rival:
    raise GateError("a candidate is compared with release 2020-06-01-0123456789ab: it is not there")


@pytest.mark.parametrize(
    ("read", "why"),
    [
        (gone, "it is not there"),
        (champion, "too few scored sessions in common (none), expected 20 or more"),
        (lambda: champion(paired(0.0, sessions=5)), "in common (h1 5), expected 20 or more"),
        (
            lambda: champion(paired(0.0), approved={1: paired(0.0, sessions=7)}),
            "the approved release 2020-01-02-ffffffffffff have too few scored sessions in common (h1 7)",
        ),
    ],
    ids=["the release is gone", "nothing in common", "too few sessions", "the approved release has no record"],
)
def test_a_champion_that_cannot_be_compared_with_stays(read: Callable[[], Rival], why: str) -> None:
    _, decision = decide_against(CHAMPION, read, OWN, (1, 5), GATE)
    assert decision.verdict == "keep"
    assert decision.reason.startswith(
        f"the gate cannot decide, so the champion {CHAMPION.candidate_id} goes on serving: "
    )
    assert why in decision.reason


def test_a_champion_that_can_be_compared_with_is() -> None:
    rival, decision = decide_against(CHAMPION, lambda: champion(paired(0.0), paired(0.0)), OWN, (1, 5), GATE)
    assert rival is not None
    assert "cannot decide" not in decision.reason
    assert decision.comparisons


def test_nothing_serves_yet() -> None:
    rival, decision = decide_against(None, lambda: None, OWN, (1, 5), GATE)
    assert rival is None
    assert decision.verdict == "publish"
