"""From collected scores to rows of signals: all or nothing."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from afterbell.errors import PermanentError, ValidationFailedError
from afterbell.scoring.models import ModelText
from afterbell.scoring.score_spark import signals, to_matrix

MODELS = (ModelText("ridge", 1, b""), ModelText("lightgbm", 1, b""))
MEMBERS = frozenset({"S0", "S2"})
DAY, NEXT = date(2016, 6, 29), date(2016, 6, 30)


def scores_of(ridge: list[float], lightgbm: list[float]) -> pd.DataFrame:
    rows = [
        (f"S{n}", 1, family, x) for family, xs in (("ridge", ridge), ("lightgbm", lightgbm)) for n, x in enumerate(xs)
    ]
    return pd.DataFrame(rows, columns=["symbol", "horizon", "family", "score"])


def rank_of(rows: pd.DataFrame, family: str, column: str = "rank") -> dict[str, float]:
    mine = rows[rows["family"] == family]
    return dict(zip(mine["symbol"], mine[column], strict=True))


def test_each_model_is_ranked_and_the_blend_ranks_the_mean_of_ranks() -> None:
    rows = signals(scores_of([1.0, 2.0, 3.0], [0.5, 0.1, 0.9]), MODELS, NEXT, DAY, "r", MEMBERS)
    assert rank_of(rows, "ridge") == pytest.approx({"S0": 1 / 3, "S1": 2 / 3, "S2": 1.0})
    assert rank_of(rows, "lightgbm") == pytest.approx({"S0": 2 / 3, "S1": 1 / 3, "S2": 1.0})
    assert rank_of(rows, "blend") == pytest.approx({"S0": 0.5, "S1": 0.5, "S2": 1.0})
    assert set(rows["session"]) == {NEXT}
    assert set(rows["as_of"]) == {DAY}
    assert set(rows["release_id"]) == {"r"}


def test_the_rank_in_the_universe_is_among_its_members_and_that_of_the_blend_is_of_the_families_there() -> None:
    rows = signals(scores_of([1.0, 2.0, 3.0, 0.0], [0.5, 0.1, 0.9, 2.0]), MODELS, NEXT, DAY, "r", {"S0", "S2", "S3"})
    assert rows.groupby("symbol")["in_universe"].unique().map(list).to_dict() == {
        "S0": [True], "S1": [False], "S2": [True], "S3": [True],
    }  # fmt: skip
    # S1 is left out: ridge orders S3, S0, S2, lightgbm S0, S2, S3. Thirds: S0 2 and 1, S2 3 and 2, S3 1 and 3.
    assert rank_of(rows, "ridge", "universe_rank") == pytest.approx(
        {"S0": 2 / 3, "S1": np.nan, "S2": 1.0, "S3": 1 / 3}, nan_ok=True
    )
    assert rank_of(rows, "blend", "universe_rank") == pytest.approx(
        {"S0": 1 / 3, "S1": np.nan, "S2": 1.0, "S3": 2 / 3}, nan_ok=True
    )


def test_families_weigh_in_the_blend_as_the_release_has_learned_whichever_of_them_it_has() -> None:
    scores, weights = scores_of([1.0, 2.0, 3.0], [0.5, 0.1, 0.9]), {1: {"lightgbm": 0.6, "ridge": 0.15, "gone": 0.25}}
    rows = signals(scores, MODELS, NEXT, DAY, "r", MEMBERS, weights)
    found = rows[rows["family"] == "blend"].set_index("symbol")["score"].to_dict()
    # 0.8 and 0.2 of the ranks 2 1 3 and 1 2 3, over three.
    assert found == pytest.approx({"S0": 1.8 / 3, "S1": 1.2 / 3, "S2": 1.0})
    other = signals(scores, MODELS, NEXT, DAY, "r", MEMBERS, {5: {"ridge": 1.0}})
    assert other.equals(signals(scores, MODELS, NEXT, DAY, "r", MEMBERS))


def test_without_a_member_nothing_has_a_rank_in_the_universe() -> None:
    rows = signals(scores_of([1.0, 2.0], [1.0, 2.0]), MODELS, NEXT, DAY, "r", frozenset())
    assert (rows["in_universe"].any(), rows["universe_rank"].notna().any()) == (False, False)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_non_finite_prediction_fails_and_names_model_and_symbol(bad: float) -> None:
    with pytest.raises(PermanentError, match=r"release r, model ridge of horizon 1: 1 of 2 predictions.*that of S1"):
        signals(scores_of([1.0, bad], [1.0, 2.0]), MODELS, NEXT, DAY, "r", MEMBERS)


def test_no_scores_at_all_fail() -> None:
    with pytest.raises(ValidationFailedError, match="no symbol could be scored as of session 2016-06-29"):
        signals(scores_of([], []), MODELS, NEXT, DAY, "r", MEMBERS)


@pytest.mark.parametrize("lightgbm", [[1.0], [1.0, 2.0, 3.0]], ids=["a symbol is missing", "ridge misses one"])
def test_a_model_that_has_not_scored_every_symbol_fails(lightgbm: list[float]) -> None:
    with pytest.raises(ValidationFailedError, match="expected one score for each of"):
        signals(scores_of([1.0, 2.0], lightgbm), MODELS, NEXT, DAY, "r", MEMBERS)


def test_a_symbol_with_two_rows_fails() -> None:
    twice = pd.concat([scores_of([1.0, 2.0], [1.0, 2.0]), scores_of([1.0], [1.0])])
    with pytest.raises(ValidationFailedError, match="a symbol has several feature rows"):
        signals(twice, MODELS, NEXT, DAY, "r", MEMBERS)


def test_the_matrix_takes_the_columns_in_the_models_order_with_nan_for_null() -> None:
    batch = pa.record_batch({"a": pa.array([1.0, None], pa.float32()), "b": pa.array([3.0, 4.0], pa.float32())})
    found = to_matrix(batch, ("b", "a"))
    assert found.dtype == np.float32
    assert found.flags.c_contiguous
    np.testing.assert_array_equal(found, np.array([[3.0, 1.0], [4.0, np.nan]], dtype=np.float32))
