"""Additional sections of an experiment's report: the request, the trials, and what they mean for the Sharpe ratio."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from statistics import variance
from typing import Any

import numpy as np

from afterbell.evaluation.candidate_scores import CandidateScores
from afterbell.evaluation.panel import BLEND
from afterbell.evaluation.statistics import deflated_sharpe, sharpe_of
from afterbell.experiments.request import ExperimentRequest
from afterbell.reporting import markup


def title(request: ExperimentRequest) -> str:
    """The title of the report."""
    return f"experiment {request.name} ({request.id})"


def outcome(*, promote: bool) -> dict[str, str]:
    """What the gate's verdict means for an experiment: by itself nothing is ever promoted.

    Args:
        promote: whether a person will be asked.
    """
    then = "a person is asked whether to promote it" if promote else "promotion was not asked for"
    return {
        "publish": f"Passed the gate: {then}",
        "keep": "Not promoted: the champion is kept",
        "hold": "Not promoted: held, a person has to look",
    }


def deflated(own: CandidateScores, candidate: Mapping[str, Any], request: ExperimentRequest) -> dict[str, float | None]:
    """By horizon, the deflated Sharpe ratio of the blend on the sessions of the report.

    The number of trials counts all families, and the trials' spread is that of their Sharpe ratios on the folds of the
    choice: with one trial it is the probability that the true ratio is above zero.
    """
    deflated_ratios: dict[str, float | None] = {}
    for horizon, scored in own.scored.items():
        ratios = [
            trial["sharpe"]
            for entry in candidate["search"]
            for trial in entry["trials"]
            if entry["horizon"] == horizon and trial["sharpe"] is not None
        ]
        blend = scored[BLEND]
        net = np.where(np.isfinite(blend.rank_ic), blend.portfolio.net, np.nan)
        moments = sharpe_of(net, horizon)
        tried = request.trials * len(request.families) if request.trials > 1 else 1
        value = deflated_sharpe(moments, variance(ratios) if len(ratios) > 1 else 0.0, tried) if moments else math.nan
        deflated_ratios[f"h{horizon}"] = value if math.isfinite(value) else None
    return deflated_ratios


def sections(
    request: ExperimentRequest, candidate: Mapping[str, Any], blend: Mapping[str, float | None]
) -> tuple[str, ...]:
    """HTML for the report."""
    fields = {
        "name": request.name,
        "experiment": request.id,
        "sessions": f"{request.first} to {request.last}",
        "horizons": ", ".join(map(str, request.horizons)),
        "families": ", ".join(request.families),
        "factor sets": ", ".join(request.factor_sets),
        "trials of each family": request.trials,
        "cost of trading, one way": f"{request.cost_bps:g} basis points",
        "seed": request.seed,
        "universe": f"close from {request.min_price:g}, median dollar volume from {request.min_dollar_volume:,.0f}",
        **{
            f"deflated Sharpe ratio of the blend, {name}": "n/a" if value is None else f"{value:.1%}"
            for name, value in blend.items()
        },
    }
    out = [markup.heading("Experiment"), markup.pairs(fields)]
    if not candidate["search"]:
        return tuple(out)
    explanation = (
        "Settings were chosen by their rank IC on the earlier folds; every other figure of this report is of later "
        "sessions, which the choice never saw. The deflated Sharpe ratio is the probability that the true one is above "
        "what the best of so many trials shows without any skill."
    )
    out += [markup.heading("Trials", 3), markup.subtitle(explanation)]
    for entry in candidate["search"]:
        title = f"{entry['family']} h{entry['horizon']}: {len(entry['trials'])} trials, number {entry['chosen']} chosen"
        rest = f", deflated Sharpe ratio {_text(entry['deflated_sharpe'], '.1%')}"
        out += [markup.heading(title + rest, 3), _trials(entry)]
    return tuple(out)


def _trials(entry: Mapping[str, Any]) -> str:
    head = ["trial", "rank IC", "Sharpe of a period, net", "setting", ""]
    rows = [
        [
            str(trial["number"]),
            _text(trial["rank_ic"], ".4f"),
            _text(trial["sharpe"], ".3f"),
            json.dumps(trial["params"], sort_keys=True),
            trial["reason"] or ("the specification's own" if trial["number"] == 0 else ""),
        ]
        for trial in entry["trials"]
    ]
    return markup.table(head, rows, strong=str(entry["chosen"]))


def _text(value: float | None, form: str) -> str:
    return "n/a" if value is None else format(value, form)
