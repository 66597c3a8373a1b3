"""Which signals count as traded, and what they earned by scipy against the labels of a panel."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import polars as pl
import pytest
from scipy import stats

from afterbell.evaluation.live_record import LiveRecord, live_record
from tests.evaluation.conftest import days, make_panel

SYMBOLS = tuple(f"S{number:03d}" for number in range(200))
PANELS = {h: replace(make_panel(0.05, horizon=h, sessions=6, seed=h), symbols=SYMBOLS) for h in (1, 5)}
OLD, NEW = "2019-12-30-000000000001", "2019-12-31-000000000002"


def scores(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(200)


def signals(release: str, session: date, values: np.ndarray, *, traded: bool = True) -> pl.DataFrame:
    rows = pl.DataFrame({"symbol": SYMBOLS, "score": values})
    return rows.with_columns(
        release_id=pl.lit(release), as_of=pl.lit(session), horizon=pl.lit(1, pl.Int32), traded=pl.lit(traded)
    )


def record(*frames: pl.DataFrame, served: tuple[str, ...] = (NEW, OLD)) -> LiveRecord:
    return live_record(pl.concat(frames), served, PANELS, 10)


def expected(ordinal: int, values: np.ndarray, horizon: int = 1) -> float:
    labels = PANELS[horizon].labels[ordinal]
    known = np.isfinite(labels)
    return float(stats.spearmanr(values[known], labels[known]).statistic)


def test_of_several_releases_that_scored_a_session_the_last_one_that_served_counts() -> None:
    first, second = PANELS[1].sessions[:2]
    found = record(
        signals(OLD, first, scores(1)),
        signals(OLD, second, scores(2)),
        signals(NEW, second, scores(3)),
        signals("2019-12-31-00000000000a", first, scores(4)),  # of a backfill: it never served
        signals(NEW, first, scores(5), traded=False),  # beside the champion
    )
    own = found.rank_ics.filter(pl.col("label_horizon") == 1)
    assert own["session"].to_list() == [first, second]
    assert own["rank_ic"].to_list() == pytest.approx([expected(0, scores(1)), expected(1, scores(3))])
    assert found.releases == 2


def test_the_figures_are_the_means_by_horizon_of_the_label() -> None:
    found = record(*(signals(OLD, day, scores(number)) for number, day in enumerate(PANELS[1].sessions[:3])))
    means = {h: np.mean([expected(number, scores(number), h) for number in range(3)]) for h in (1, 5)}
    json = found.to_json()["h1"]
    assert (json["rank_ic"], json["sessions"]) == (pytest.approx(means[1]), 3)
    assert json["decay"] == {"h1": pytest.approx(means[1]), "h5": pytest.approx(means[5])}


@pytest.mark.parametrize("served", [(), (NEW,)], ids=["nothing has served", "no signal of what serves"])
def test_without_signals_of_what_served_there_is_no_record(served: tuple[str, ...]) -> None:
    found = record(signals(OLD, days(6)[0], scores(1)), served=served)
    assert (found.to_json(), found.releases, found.horizons) == ({}, 0, [])
