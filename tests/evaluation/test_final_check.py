"""The models to be published: what is wrong with one is found, and a sound one passes."""

from __future__ import annotations

import math
from datetime import date

import numpy as np
import polars as pl
import pytest
from scipy import stats

from afterbell.evaluation.final_check import NEWEST, FinalCheck, blend_of, check_final, problems_of
from afterbell.evaluation.panel import ScorePanel
from afterbell.training.families import FAMILIES, fit_model, load_model
from afterbell.training.families.base import Model
from tests.evaluation.conftest import days

NAMES = ("f0", "f1")
SESSIONS, SYMBOLS = 60, 80
TODAY = days(SESSIONS + 3)[-1]
TICKERS = tuple(f"S{number:02d}" for number in range(SYMBOLS))
RIDGE = FAMILIES["ridge"].params.model_validate({"penalty": 0.1, "clip": 5.0})


class Market:
    """Two features, of which the first is in the labels; fold scores are a noisy sight of it."""

    def __init__(self) -> None:
        rng = np.random.default_rng(4)
        self.features = rng.standard_normal((SESSIONS + 3, SYMBOLS, 2)).astype(np.float32)
        self.labels = 0.2 * self.features[:SESSIONS, :, 0] + rng.standard_normal((SESSIONS, SYMBOLS))
        tested = self.features[:SESSIONS, :, 0] + 0.3 * rng.standard_normal((SESSIONS, SYMBOLS))
        folds = np.zeros(SESSIONS, int)
        self.panel = ScorePanel(1, days(SESSIONS), folds, self.labels, {"ridge": tested}, TICKERS)

    def fit(self, sign: float = 1.0) -> Model:
        x, y = self.features[:SESSIONS].reshape(-1, 2), sign * self.labels.reshape(-1)
        return load_model("ridge", fit_model("ridge", x, y.astype(np.float32), NAMES, params=RIDGE, seed=1))

    def rows(self) -> pl.DataFrame:
        recent = range(SESSIONS - NEWEST, SESSIONS + 3)
        return pl.DataFrame(
            {
                "symbol": TICKERS * len(recent),
                "session": [days(SESSIONS + 3)[row] for row in recent for _ in TICKERS],
                **{name: self.features[recent, :, number].ravel() for number, name in enumerate(NAMES)},
            }
        )


class Predicting:
    """A model whose predictions are the given ones; no family makes such a model on purpose."""

    names = NAMES

    def __init__(self, value: float) -> None:
        self.value = value

    def predict(self, x: np.ndarray) -> np.ndarray:
        return np.full(x.shape[0], self.value)

    def weights(self) -> dict[str, float]:
        return {}


@pytest.fixture(scope="module")
def market() -> Market:
    return Market()


def test_a_sound_model_has_no_problem(market: Market) -> None:
    model = market.fit()
    found = check_final(market.panel, {"ridge": model}, market.rows(), TODAY)
    assert found.problems == ()
    assert (found.sessions, found.symbols) == (NEWEST, SYMBOLS)
    assert math.isnan(found.champion)
    pairs = [(model.predict(market.features[row]), row) for row in range(SESSIONS - NEWEST, SESSIONS)]
    own = [stats.spearmanr(scores, market.labels[row]).statistic for scores, row in pairs]
    alike = [stats.spearmanr(scores, market.panel.scores["ridge"][row]).statistic for scores, row in pairs]
    assert found.rank_ic.value == pytest.approx(np.mean(own))
    assert found.likeness == pytest.approx(np.mean(alike))


def test_a_model_of_the_wrong_sign_is_found(market: Market) -> None:
    found = check_final(market.panel, {"ridge": market.fit(sign=-1.0)}, market.rows(), TODAY)
    assert found.likeness < -0.9
    unlike, opposite = found.problems
    assert "unlike that of the tested models" in unlike
    assert "on the newest 20 labelled sessions, surely below 0" in opposite


def test_an_order_that_turns_the_champions_over_is_found(market: Market) -> None:
    rows = market.rows()
    today = rows.filter(pl.col("session") == TODAY)
    champion = blend_of({"ridge": market.fit(sign=-1.0)}, today)
    found = check_final(market.panel, {"ridge": market.fit()}, rows, TODAY, champion)
    assert found.champion == pytest.approx(-1.0, abs=0.01)
    assert found.problems == (
        f"they turn the champion's order of today's 80 symbols over: rank correlation {found.champion:+.3f}",
    )
    same = check_final(market.panel, {"ridge": market.fit()}, rows, TODAY, blend_of({"ridge": market.fit()}, today))
    assert (same.champion, same.problems) == (pytest.approx(1.0), ())


@pytest.mark.parametrize(
    ("value", "problem"),
    [(0.5, "ridge predicts 0.5 for each of the 80 symbols"), (math.nan, "80 symbols of 2020-03-03 as a number not")],
)
def test_predictions_that_say_nothing_are_found(market: Market, value: float, problem: str) -> None:
    found = check_final(market.panel, {"ridge": Predicting(value)}, market.rows(), TODAY)
    assert len(found.problems) == 1
    assert problem in found.problems[0]


def test_a_session_without_features_is_found(market: Market) -> None:
    found = check_final(market.panel, {"ridge": market.fit()}, market.rows(), date(2020, 6, 1))
    assert found.problems == ("no feature row of session 2020-06-01 for any of the 80 symbols that were tested last",)


def test_rows_without_any_feature_are_not_scored(market: Market) -> None:
    rows = market.rows().with_columns(
        pl.when((pl.col("symbol") == "S07") & (pl.col("session") == TODAY)).then(None).otherwise(name).alias(name)
        for name in NAMES
    )
    assert check_final(market.panel, {"ridge": market.fit()}, rows, TODAY).symbols == SYMBOLS - 1


def test_problems_name_their_horizon() -> None:
    mean = check_final(Market().panel, {"ridge": Predicting(0.0)}, Market().rows(), TODAY).rank_ic
    checks = [FinalCheck(5, 20, mean, mean, 0.5, 80, 0.9, ("it is odd",)), FinalCheck(1, 20, mean, mean, 0.5, 80, 0.9)]
    assert problems_of(checks) == ["h5, final models: it is odd"]
