"""Live signals against what was earned since, by scipy."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest
from scipy import stats

from afterbell.errors import PermanentError
from afterbell.evaluation.live import decay, live_rank_ics
from tests.evaluation.conftest import days

SYMBOLS = [f"S{number:02d}" for number in range(25)]


def signal_rows(scores: dict[tuple[date, int], np.ndarray], family: str = "blend") -> pl.DataFrame:
    return pl.concat(
        pl.DataFrame({"symbol": SYMBOLS, "as_of": day, "horizon": horizon, "family": family, "score": values})
        for (day, horizon), values in scores.items()
    )


def label_rows(labels: dict[tuple[date, int], np.ndarray]) -> pl.DataFrame:
    return pl.concat(
        pl.DataFrame({"symbol": SYMBOLS, "session": day, "horizon": horizon, "label": values})
        for (day, horizon), values in labels.items()
    )


@pytest.fixture
def draws() -> tuple[dict[tuple[date, int], np.ndarray], dict[tuple[date, int], np.ndarray]]:
    rng = np.random.default_rng(8)
    scores = {(day, horizon): rng.integers(0, 9, 25).astype(float) for day in days(6) for horizon in (1, 5)}
    # The labels over five sessions are not known yet for the last three.
    labels = {(day, 1): rng.standard_normal(25) for day in days(6)} | {(day, 5): rng.random(25) for day in days(3)}
    return scores, labels


def test_each_session_has_scipys_rank_correlation_against_every_horizon(draws) -> None:
    scores, labels = draws
    found = live_rank_ics(signal_rows(scores), label_rows(labels), 10)
    expected = {
        (day, horizon, label): stats.spearmanr(scores[day, horizon], labels[day, label]).statistic
        for horizon in (1, 5)
        for day, label in labels
    }
    rows = {(row["session"], row["horizon"], row["label_horizon"]): row["rank_ic"] for row in found.to_dicts()}
    assert rows == pytest.approx(expected)
    assert found["symbols"].unique().to_list() == [25]


def test_the_decay_is_the_mean_by_horizon_of_the_label(draws) -> None:
    found = decay(live_rank_ics(signal_rows(draws[0]), label_rows(draws[1]), 10))
    assert list(found) == [(1, 1), (1, 5), (5, 1), (5, 5)]
    own = [stats.spearmanr(draws[0][day, 5], draws[1][day, 5]).statistic for day in days(3)]
    assert found[5, 5].value == pytest.approx(np.mean(own))
    assert found[5, 5].values == 3
    by_session = [stats.spearmanr(draws[0][day, 1], draws[1][day, 1]).statistic for day in days(6)]
    assert found[1, 1].error >= stats.sem(by_session) * (1 - 1e-9)


def test_families_missing_labels_and_sessions_of_few_symbols_do_not_count(draws) -> None:
    scores, labels = draws
    labels[days(6)[0], 1][:20] = np.nan
    scores[days(6)[1], 1][:] = 3.0
    signals = pl.concat([signal_rows(scores), signal_rows(scores, "ridge")])
    found = live_rank_ics(signals, label_rows(labels), 10).filter(pl.col("horizon") + pl.col("label_horizon") == 2)
    assert found["session"].to_list() == list(days(6)[2:])


def test_nothing_known_yet_is_no_row_and_no_decay(draws) -> None:
    later = {(date(2021, 1, 1), 1): np.arange(25.0)}
    found = live_rank_ics(signal_rows(later), label_rows(draws[1]), 10)
    assert found.is_empty()
    assert found.columns == ["session", "horizon", "label_horizon", "rank_ic", "symbols"]
    assert decay(found) == {}


def test_signals_of_two_releases_for_one_session_are_refused(draws) -> None:
    signals = signal_rows(draws[0])
    with pytest.raises(PermanentError, match="live signals: symbol S00, as_of 2020-01-01, horizon 1 stands"):
        live_rank_ics(pl.concat([signals, signals]), label_rows(draws[1]), 10)
    with pytest.raises(PermanentError, match="live labels"):
        live_rank_ics(signals, pl.concat([label_rows(draws[1])] * 2), 10)
