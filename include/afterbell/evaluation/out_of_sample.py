"""From rows of ``predictions.out_of_sample`` to panels and to contenders of the gate."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl

from afterbell.errors import GateError
from afterbell.evaluation.blend_weights import with_learned_weights
from afterbell.evaluation.gate import Contender
from afterbell.evaluation.metrics import Scored
from afterbell.evaluation.panel import BLEND, ScorePanel

COLUMNS = ("candidate_id", "symbol", "session", "horizon", "family", "fold", "prediction", "label")


def panels_of(rows: pl.DataFrame, *, learned: bool = False) -> dict[int, ScorePanel]:
    """One panel a horizon.

    Args:
        rows: of one candidate, the columns ``COLUMNS``.
        learned: whether the families' weights in the blend are learned on the folds before.

    Raises:
        GateError: a (symbol, session, horizon, family) occurs more than once.
    """
    key = ["symbol", "session", "horizon", "family"]
    if rows.select(pl.struct(key).is_duplicated().any()).item():
        raise GateError(
            f"out-of-sample predictions of candidate {rows['candidate_id'][0]} occur more than once for a "
            "symbol, session, horizon and family; expected each once: this snapshot cannot be used for a decision"
        )
    horizons = sorted(rows["horizon"].unique().to_list())
    panels = {horizon: _panel(horizon, rows.filter(pl.col("horizon") == horizon)) for horizon in horizons}
    return {horizon: with_learned_weights(panel) for horizon, panel in panels.items()} if learned else panels


def _panel(horizon: int, rows: pl.DataFrame) -> ScorePanel:
    sessions, symbols = rows["session"].unique().sort(), rows["symbol"].unique().sort()
    # Places by a join on the sorted keys: the same whatever the order of the rows.
    placed = rows.join(
        pl.DataFrame({"session": sessions}).with_row_index("down"), on="session", how="left", maintain_order="left"
    ).join(pl.DataFrame({"symbol": symbols}).with_row_index("across"), on="symbol", how="left", maintain_order="left")
    shape = (sessions.len(), symbols.len())
    labels, folds = np.full(shape, np.nan), np.zeros(shape[0], np.int64)
    scores = {}
    for family in sorted(rows["family"].unique().to_list()):
        own = placed.filter(pl.col("family") == family)
        down, across = own["down"].to_numpy(), own["across"].to_numpy()
        scores[family] = np.full(shape, np.nan)
        scores[family][down, across] = own["prediction"].to_numpy()
        labels[down, across] = own["label"].to_numpy()
        folds[down] = own["fold"].to_numpy()
    return ScorePanel(horizon, tuple(sessions.to_list()), folds, labels, scores, tuple(symbols.to_list()))


def contender(
    candidate_id: str, session: date, panels: dict[int, ScorePanel], scored: dict[int, dict[str, Scored]]
) -> Contender:
    """What the gate compares: the blend's rank IC by session, where it is defined, and its portfolio's Sharpe ratio."""
    rank_ics, sharpes = {}, {}
    for horizon, panel in panels.items():
        values = scored[horizon][BLEND].rank_ic
        by_session = zip(panel.sessions, values.tolist(), strict=True)
        rank_ics[horizon] = {day: value for day, value in by_session if np.isfinite(value)}
        sharpe = scored[horizon][BLEND].portfolio.sharpe_net
        if np.isfinite(sharpe):
            sharpes[horizon] = sharpe
    return Contender(candidate_id, session, rank_ics, sharpes)
