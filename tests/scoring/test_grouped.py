"""Grouped models are scored by the group of each symbol, in whatever universe the session has."""

from __future__ import annotations

import json
from datetime import date

import numpy as np
import pandas as pd
import polars as pl
import pytest

from afterbell.errors import PermanentError
from afterbell.release.catalog import probe
from afterbell.release.manifest import FeatureSchema, Manifest, ModelFile, SetSchema
from afterbell.scoring.universe import liquidity_of
from afterbell.training.families import load_model
from afterbell.training.families.composite.grouped import predict_rows
from afterbell.training.packed import pack

LIQUIDITY = {"by": "liquidity", "buckets": 2, "min_rows": 200}
UNIVERSE = {
    "min_price": 2.0, "min_median_dollar_volume": 0.0, "window": 4, "min_window": 2, "min_feature_share": 0.5,
}  # fmt: skip
FILE = ModelFile(family="ridge", horizon=1, path="models/ridge-h1.packed", size=1, sha256="0" * 64)
JUDGED = pl.DataFrame(
    {"symbol": ["A", "B", "C", "D", "E"], "dollars": [1.0, 4.0, 2.0, None, 3.0], "tradable": [True] * 3 + [False] * 2}
)


def ridge(coefficient: float) -> bytes:
    """A model that multiplies its feature, of mean 0 and scale 1."""
    content = {
        "format": "afterbell-ridge/1", "names": ["X"], "means": [0.0], "scales": [1.0],
        "coefficients": [coefficient], "intercept": 0.0, "clip": 5.0,
    }  # fmt: skip
    return json.dumps(content).encode()


def grouped(about: dict[str, object], **groups: float) -> bytes:
    return pack("groups", "ridge", {"*": ridge(1.0)} | {name: ridge(value) for name, value in groups.items()}, about)


def scores(body: bytes, symbols: list[str], liquidity: dict[str, str] | None = None) -> list[float]:
    x = np.full((len(symbols), 1), 2.0, np.float32)
    return predict_rows(load_model("ridge", body), x, symbols, liquidity).tolist()


def manifest(grouping: dict[str, object] | None) -> Manifest:
    spec = {"universe": UNIVERSE} | ({"grouping": grouping} if grouping else {})
    schema = SetSchema(set="core", definition_hash="h", names=("X", "Y"))
    return Manifest(
        release_id="2016-06-30-0123456789ab", session=date(2016, 6, 30), candidate_id="c", models=(FILE,),
        features=FeatureSchema(sets=(schema,)),
        inputs={}, spec=spec, metrics={}, verdict={}, code_version="0", environment={},
    )  # fmt: skip


def finite(names: object) -> pd.DataFrame:
    assert names == ("X", "Y")
    return pd.DataFrame({"symbol": ["A", "B", "C", "D", "E"], "finite": [2, 1, 0, 2, 2]})


def test_a_symbol_has_its_own_model_and_an_unknown_one_the_market_s() -> None:
    body = grouped({"by": "symbol"}, A=10.0, B=100.0)
    assert scores(body, ["B", "NEW", "A", "B"]) == [200.0, 2.0, 20.0, 200.0]


def test_a_plain_model_scores_as_ever() -> None:
    assert scores(ridge(3.0), ["A", "NEW"]) == [6.0, 6.0]


def test_by_liquidity_today_s_buckets_count_and_without_them_those_of_the_training() -> None:
    about = {"by": "liquidity", "buckets": 2, "members": {"A": "1", "B": "2"}}
    body = grouped(about, **{"1": 10.0, "2": 100.0})
    assert scores(body, ["A", "B", "NEW"], {"A": "2", "NEW": "1"}) == [200.0, 2.0, 20.0]
    assert scores(body, ["A", "B", "NEW"]) == [20.0, 200.0, 2.0]


def test_by_a_feature_its_value_counts() -> None:
    assert scores(grouped({"by": "column", "column": "X"}, **{"2": 10.0}), ["A"]) == [20.0]
    assert scores(grouped({"by": "column", "column": "X"}, **{"3": 10.0}), ["A"]) == [2.0]


def test_the_buckets_are_ranked_among_the_universe_of_the_session() -> None:
    # A and B are in it; C has too few features, D no dollars, E may not be traded: they lie where their dollars do.
    assert liquidity_of(manifest(LIQUIDITY), JUDGED, finite) == {"A": "1", "B": "2", "C": "2", "E": "2"}


@pytest.mark.parametrize("grouping", [None, {"by": "symbol", "min_rows": 60}])
def test_only_models_grouped_by_liquidity_need_buckets(grouping: dict[str, object] | None) -> None:
    assert liquidity_of(manifest(grouping), JUDGED, finite) is None


def test_a_release_is_probed_model_by_model() -> None:
    sound = {f"S{number}": 1.0 for number in range(150)}
    probe(FILE, grouped({"by": "symbol"}, **sound), 1)
    with pytest.raises(PermanentError, match=r"predicts \(152, 64\) with \d+ non-finite values"):
        probe(FILE, grouped({"by": "symbol"}, **sound, BAD=1e308), 1)


@pytest.mark.parametrize(
    "about", [{}, {"by": "sector"}, {"by": "column", "column": "Y"}, {"by": "symbol", "members": 1}]
)
def test_a_model_that_does_not_tell_its_groups_is_not_loaded(about: dict[str, object]) -> None:
    with pytest.raises(PermanentError, match="does not tell the groups of rows"):
        load_model("ridge", grouped(about))
