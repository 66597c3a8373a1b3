"""A gate that cannot decide keeps the champion and says why, so that the run goes on and scores."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from afterbell.evaluation.candidate_scores import CandidateScores
from afterbell.evaluation.out_of_sample import COLUMNS
from afterbell.release.manifest import Champion
from spark_jobs.evaluate import decide_against
from tests.evaluation.conftest import GATE
from tests.evaluation.test_gate import BEFORE, GOOD

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


def predictions(first: date, sessions: int, *, times: int = 1) -> pl.DataFrame:
    """The champion's: forty symbols a session, two horizons, labels that follow the scores a little."""
    draw = np.random.default_rng(3)
    cells = [
        (CHAMPION.candidate_id, f"S{at:02d}", first + timedelta(days=day), horizon, "ridge", 0, at / 40, label)
        for day in range(sessions)
        for horizon in (1, 5)
        for at, label in enumerate((np.arange(40) / 400 + draw.standard_normal(40)).tolist())
    ]
    return pl.DataFrame(cells * times, schema=list(COLUMNS), orient="row")


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        (predictions(date(2020, 1, 1), 0), "has no out-of-sample predictions"),
        (predictions(date(2019, 1, 1), 60), "have 0 out-of-sample sessions in common"),
        (predictions(date(2020, 2, 25), 60), "have 5 out-of-sample sessions in common, expected 20"),
        (predictions(date(2020, 1, 1), 60, times=2), "occur more than once"),
    ],
    ids=["no rows are left", "its window has passed", "too few sessions in common", "rows stand twice"],
)
def test_a_champion_that_cannot_be_compared_with_stays(rows: pl.DataFrame, why: str) -> None:
    _, decision = decide_against(CHAMPION, rows, OWN, (1, 5), GATE)
    assert decision.verdict == "keep"
    assert decision.reason.startswith(
        f"the gate cannot decide, so the champion {CHAMPION.candidate_id} goes on serving: "
    )
    assert why in decision.reason


def test_a_champion_that_can_be_compared_with_is() -> None:
    _, decision = decide_against(CHAMPION, predictions(date(2020, 1, 1), 60), OWN, (1, 5), GATE)
    assert "cannot decide" not in decision.reason
    assert decision.comparisons
