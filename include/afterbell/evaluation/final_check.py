"""Whether the models that would be published are those that were tested: they are fitted to all sessions afterwards.

The folds' models are judged out of sample; the final ones were trained on every session with a label, so their figures
there say nothing about skill. They do say whether something went wrong with the last fit: predictions that are not
finite or do not vary, an order unlike that of the tested models or against that of the labels, a universe turned over.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from afterbell.evaluation.blend_weights import share
from afterbell.evaluation.metrics import mean_of, row_correlations
from afterbell.evaluation.overlap import Mean
from afterbell.evaluation.panel import Floats, ScorePanel, blend, row_ranks
from afterbell.training.families.base import Model
from afterbell.training.families.composite.grouped import predict_rows

NEWEST = 20
"""Newest labelled sessions that the final models are tried on."""
_SURE = 3.0
_FEWEST = 3  # symbols that a correlation is taken over


@dataclass(frozen=True)
class FinalCheck:
    """What the final models of one horizon do.

    Attributes:
        horizon: in sessions.
        sessions: newest labelled ones on which they were tried; all of them were trained on.
        rank_ic: of their blend there, which shows its sign and no skill.
        tested_rank_ic: of the tested blend, over all out-of-sample sessions.
        likeness: mean rank correlation of their blend with the tested one on the same cells; NaN if not defined.
        symbols: of today's universe that were scored.
        champion: rank correlation of their blend with the champion's on today's universe; NaN without one.
        problems: a sentence each; none where nothing is wrong.
    """

    horizon: int
    sessions: int
    rank_ic: Mean
    tested_rank_ic: Mean
    likeness: float
    symbols: int
    champion: float
    problems: tuple[str, ...] = ()


def problems_of(checks: Iterable[FinalCheck]) -> list[str]:
    """Why the final models must not be published before a person has looked: a sentence each, with its horizon."""
    return [f"h{check.horizon}, final models: {problem}" for check in checks for problem in check.problems]


def check_final(
    panel: ScorePanel,
    models: Mapping[str, Model],
    rows: pl.DataFrame,
    session: date,
    champion: pl.DataFrame | None = None,
    weights: Mapping[str, float] | None = None,
) -> FinalCheck:
    """Try the final models of one horizon.

    Args:
        panel: the out-of-sample predictions of the horizon; the symbols of its newest session are today's universe.
        models: the final ones, by family.
        rows: symbol, session and a float column a feature: of the panel's newest sessions, and of ``session``.
        session: today's.
        champion: symbol and ``score``, the champion's blend of ``session``; None where there is none.
        weights: of the families in the final models' blend; None where each counts alike.
    """
    tested = panel.blend()
    recent = panel.sessions[-NEWEST:]
    predictions = _predictions(models, rows.filter(pl.col("session").is_in([*recent, session])))
    placed = {family: _placed(predictions, panel, recent, family) for family in models}
    final = _blend(placed, weights)
    labels, newest = panel.labels[-len(recent) :], tested[-len(recent) :]
    universe = [name for name, score in zip(panel.symbols, tested[-1], strict=True) if math.isfinite(score)]
    today = predictions.filter((pl.col("session") == session) & pl.col("symbol").is_in(universe)).sort("symbol")
    rank_ic = mean_of(_rank_correlations(final, labels), panel.horizon)
    tested_rank_ic = mean_of(_rank_correlations(tested, panel.labels), panel.horizon)
    likeness = mean_of(_rank_correlations(final, newest), panel.horizon).value
    agreement = _agreement(today, models, champion, weights)
    problems = [
        *_of_predictions(today, models, session, len(universe)),
        *_of_order(rank_ic, tested_rank_ic, likeness),
        *_of_agreement(agreement, today.height),
    ]
    return FinalCheck(
        panel.horizon, rank_ic.values, rank_ic, tested_rank_ic, likeness, today.height, agreement, tuple(problems)
    )


def blend_of(
    models: Mapping[str, Model], rows: pl.DataFrame, weights: Mapping[str, float] | None = None
) -> pl.DataFrame:
    """Symbol and ``score``: the blend of the models' predictions, of rows of one session, NaN where it has none."""
    predictions = _predictions(models, rows)
    return predictions.select("symbol").with_columns(score=_blended(predictions, models, weights))


def _predictions(models: Mapping[str, Model], rows: pl.DataFrame) -> pl.DataFrame:
    """Symbol, session and a column a family; rows without a finite feature are left out."""
    named = {name for model in models.values() for name in model.names}
    known = rows.filter(pl.any_horizontal(pl.col(sorted(named)).is_finite().fill_null(value=False)))
    symbols = known["symbol"].to_list()
    columns = {
        family: predict_rows(
            model, known.select(model.names).cast(pl.Float32).fill_null(np.nan).to_numpy(order="c"), symbols
        )
        for family, model in models.items()
    }
    return known.select("symbol", "session").with_columns(
        **{name: pl.Series(column) for name, column in columns.items()}
    )


def _placed(predictions: pl.DataFrame, panel: ScorePanel, sessions: tuple[date, ...], family: str) -> Floats:
    down = pl.DataFrame({"session": sessions}).with_row_index("down")
    across = pl.DataFrame({"symbol": panel.symbols}).with_row_index("across")
    cells = predictions.join(down, on="session").join(across, on="symbol")
    out = np.full((len(sessions), len(panel.symbols)), np.nan)
    out[cells["down"].to_numpy(), cells["across"].to_numpy()] = cells[family].to_numpy()
    return out


def _blended(predictions: pl.DataFrame, models: Mapping[str, Model], weights: Mapping[str, float] | None) -> Floats:
    if predictions.is_empty():
        return np.empty(0)
    scores = {family: predictions[family].to_numpy()[None] for family in models}
    return np.asarray(_blend(scores, weights)[0])


def _blend(scores: Mapping[str, Floats], weights: Mapping[str, float] | None) -> Floats:
    """The blend of scores by family, (sessions, symbols); each family counts alike without weights."""
    return blend(scores, share(weights, list(scores)) if weights else None)


def _rank_correlations(left: Floats, right: Floats) -> Floats:
    both = np.isfinite(left) & np.isfinite(right)
    return row_correlations(row_ranks(np.where(both, left, np.nan)), row_ranks(np.where(both, right, np.nan)), _FEWEST)


def _agreement(
    today: pl.DataFrame,
    models: Mapping[str, Model],
    champion: pl.DataFrame | None,
    weights: Mapping[str, float] | None,
) -> float:
    if champion is None:
        return math.nan
    both = today.select("symbol").with_columns(own=_blended(today, models, weights)).join(champion, on="symbol")
    return float(_rank_correlations(both["own"].to_numpy()[None], both["score"].to_numpy()[None])[0])


def _of_predictions(today: pl.DataFrame, models: Mapping[str, Model], session: date, universe: int) -> list[str]:
    if today.is_empty():
        return [f"no feature row of session {session} for any of the {universe} symbols that were tested last"]
    problems = []
    for family in models:
        values = today[family].to_numpy()
        if broken := int((~np.isfinite(values)).sum()):
            problems.append(f"{family} predicts {broken} of {values.size} symbols of {session} as a number not finite")
        elif values.size > 1 and values.min() == values.max():
            problems.append(f"{family} predicts {values[0]:.6g} for each of the {values.size} symbols of {session}")
    return problems


def _of_order(rank_ic: Mean, tested: Mean, likeness: float) -> list[str]:
    problems = []
    if likeness < 0:
        problems.append(
            f"their order is unlike that of the tested models: rank correlation {likeness:+.3f} on the same symbols "
            "and sessions, expected above 0"
        )
    if tested.value > 0 and rank_ic.values > 1 and rank_ic.quantile(0.95) < 0:
        problems.append(
            f"rank IC {rank_ic.value:+.3f} on the newest {rank_ic.values} labelled sessions, surely below 0 though "
            f"they were trained on them, against {tested.value:+.3f} of the tested models out of sample"
        )
    return problems


def _of_agreement(agreement: float, symbols: int) -> list[str]:
    if not agreement < -_SURE / math.sqrt(max(symbols - 1, 1)):
        return []
    return [f"they turn the champion's order of today's {symbols} symbols over: rank correlation {agreement:+.3f}"]
