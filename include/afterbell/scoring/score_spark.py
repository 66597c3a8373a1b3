"""Models applied to the universe on Spark: their texts are broadcast, rows stream through as Arrow batches."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date
from functools import reduce
from operator import add, or_

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812 - the name everybody gives it

from afterbell.cluster.worker import keep_archives
from afterbell.errors import PermanentError, ValidationFailedError
from afterbell.evaluation.blend_weights import share
from afterbell.evaluation.panel import BLEND
from afterbell.scoring.models import ModelText
from afterbell.scoring.ranks import blend, percentile_ranks
from afterbell.training.families import load_model
from afterbell.training.families.composite.grouped import predict_rows

SCORES = "symbol string, horizon int, family string, score double, finite int"


def score_frame(
    universe: DataFrame,
    names: Sequence[str],
    models: Sequence[ModelText],
    liquidity: Mapping[str, str] | None = None,
) -> DataFrame:
    """Each model's score of each symbol that has at least one finite factor, and how many of them it has: ``SCORES``.

    Args:
        universe: ``symbol`` and a float column for each of ``names``, one row a symbol, null where undefined.
        names: the features in the order that the models take them.
        models: the models to apply.
        liquidity: the group by liquidity of each symbol, where the models are grouped by that.
    """
    some = reduce(or_, (F.col(f"`{name}`").isNotNull() for name in names))
    texts = universe.sparkSession.sparkContext.broadcast(tuple(models))
    columns = tuple(names)

    def predict(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        keep_archives()
        opened = [(text, load_model(text.family, text.body)) for text in texts.value]
        for batch in batches:
            matrix = to_matrix(batch, columns)
            symbols = batch["symbol"].to_pylist()
            finite = pa.array(np.isfinite(matrix).sum(axis=1, dtype=np.int32))
            for text, model in opened:
                yield pa.record_batch(
                    {
                        "symbol": batch["symbol"],
                        "horizon": pa.array(np.full(batch.num_rows, text.horizon, dtype=np.int32)),
                        "family": pa.array([text.family] * batch.num_rows),
                        "score": pa.array(predict_rows(model, matrix, symbols, liquidity), pa.float64()),
                        "finite": finite,
                    }
                )

    inputs = universe.where(some).select("symbol", *(F.col(f"`{name}`") for name in names))
    return inputs.mapInArrow(predict, SCORES)


def count_finite(universe: DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Symbol and finite, how many of the features ``names`` are, as ``score_frame`` has them."""
    known = (F.col(f"`{name}`").isNotNull() & ~F.isnan(F.col(f"`{name}`")) for name in names)
    counted = universe.select("symbol", reduce(add, (one.cast("int") for one in known)).alias("finite"))
    return counted.toPandas()


def to_matrix(batch: pa.RecordBatch, names: Sequence[str]) -> NDArray[np.float32]:
    """The columns ``names`` of ``batch`` as float32 ``(rows, features)`` in C order, NaN where null."""
    matrix = np.empty((batch.num_rows, len(names)), dtype=np.float32)
    for index, name in enumerate(names):
        matrix[:, index] = batch[name].to_numpy(zero_copy_only=False)
    return matrix


def signals(
    scores: pd.DataFrame,
    models: Sequence[ModelText],
    session: date,
    as_of: date,
    release_id: str,
    members: Collection[str],
    weights: Mapping[int, Mapping[str, float]] | None = None,
) -> pd.DataFrame:
    """Rows of ``signals.daily``: every model's scores with their ranks, and per horizon the blend of the families.

    ``universe_rank`` is the rank among the universe alone, NaN outside; that of the blend is made of the families'
    ranks in the universe, as evaluation makes it.

    Args:
        scores: the collected ``score_frame``: one row a symbol and model.
        models: the models that had to score.
        session: the session the signals are for.
        as_of: the session whose features were scored.
        release_id: the release that scored.
        members: the symbols that are in the universe of the release.
        weights: of the families in the blend, by horizon; for other horizons each counts alike.

    Raises:
        ValidationFailedError: there are no scores, or a model has not scored every symbol once.
        PermanentError: a model predicts non-finite numbers.
    """
    if scores.empty:
        raise ValidationFailedError(f"no symbol could be scored as of session {as_of}: no row has a finite factor")
    symbols = np.sort(scores["symbol"].unique())
    inside = np.fromiter((symbol in members for symbol in symbols), np.bool_, len(symbols))
    parts: list[pd.DataFrame] = []
    for horizon in sorted({model.horizon for model in models}):
        ranks, within = [], []
        own = sorted((m for m in models if m.horizon == horizon), key=lambda m: m.family)
        learned = (weights or {}).get(horizon)
        shares = list(share(learned, [model.family for model in own]).values()) if learned else None
        for model in own:
            score = _of_model(scores, model, symbols, release_id)
            ranks.append(percentile_ranks(score))
            within.append(percentile_ranks(score[inside]))
            parts.append(_part(symbols, horizon, model.family, score, ranks[-1], (inside, within[-1])))
        mean, best = blend(ranks, shares), percentile_ranks(blend(within, shares))
        parts.append(_part(symbols, horizon, BLEND, mean, percentile_ranks(mean), (inside, best)))
    return pd.concat(parts, ignore_index=True).assign(session=session, as_of=as_of, release_id=release_id)


def _of_model(
    scores: pd.DataFrame, model: ModelText, symbols: NDArray[np.object_], release_id: str
) -> NDArray[np.float64]:
    mine = scores[(scores["family"] == model.family) & (scores["horizon"] == model.horizon)].sort_values("symbol")
    if len(mine) != len(symbols) or (mine["symbol"].to_numpy() != symbols).any():
        raise ValidationFailedError(
            f"release {release_id}, model {model.label}: expected one score for each of {len(symbols)} symbols, "
            f"found {len(mine)} for {mine['symbol'].nunique()}: a symbol has several feature rows; check features"
        )
    score: NDArray[np.float64] = mine["score"].to_numpy(dtype=np.float64)
    broken = ~np.isfinite(score)
    if broken.any():
        raise PermanentError(
            f"release {release_id}, model {model.label}: {int(broken.sum())} of {len(score)} predictions are not "
            f"finite, such as that of {symbols[broken][0]}: no signal was written; roll back the release"
        )
    return score


def _part(
    symbols: NDArray[np.object_],
    horizon: int,
    family: str,
    score: NDArray[np.float64],
    rank: NDArray[np.float64],
    universe: tuple[NDArray[np.bool_], NDArray[np.float64]],
) -> pd.DataFrame:
    """One scorer's rows; ``universe``: which symbols are in it, and the ranks of those."""
    inside, ranks = universe
    universe_rank = np.full(len(symbols), np.nan)
    universe_rank[inside] = ranks
    columns = {"symbol": symbols, "horizon": horizon, "family": family, "score": score, "rank": rank}
    return pd.DataFrame(columns | {"in_universe": inside, "universe_rank": universe_rank})
