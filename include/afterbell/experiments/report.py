"""The report of an experiment: that of a run, with the request, the trials, and what they mean for the Sharpe ratio."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict

from afterbell.evaluation.candidate_scores import CandidateScores
from afterbell.evaluation.panel import BLEND
from afterbell.evaluation.report import ReportData, report_values
from afterbell.evaluation.statistics import deflated_sharpe, sharpe_of
from afterbell.experiments.request import ExperimentRequest
from afterbell.reporting.rendering import environment


class SearchTrial(BaseModel):
    """One setting that was tried: its parameters, its figures, and why it failed if it did."""

    model_config = ConfigDict(frozen=True)

    number: int
    params: Mapping[str, object]
    rank_ic: float | None
    sharpe: float | None
    reason: str


class SearchedFamily(BaseModel):
    """The search of one family and horizon: a line of ``search`` in ``candidate.json``.

    ``deflated_sharpe`` is of the chosen trial on the folds of the choice, and counts all ``trials_made`` on them.
    """

    model_config = ConfigDict(frozen=True)

    family: str
    horizon: int
    chosen: int
    trials: tuple[SearchTrial, ...]
    deflated_sharpe: float | None
    trials_made: int | None = None


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


def deflated(own: CandidateScores) -> dict[str, float | None]:
    """By horizon, the deflated Sharpe ratio of the blend on the sessions of the report, None where it has none.

    Nothing was chosen on these sessions, however many trials there were: one strategy was tried on them, and the
    figure is the probability that its true ratio is above zero. What luck the choice had shows on the folds of the
    choice, in the ratios of ``SearchedFamily``.
    """
    deflated_ratios: dict[str, float | None] = {}
    for horizon, scored in own.scored.items():
        blend = scored[BLEND]
        net = np.where(np.isfinite(blend.rank_ic), blend.portfolio.net, np.nan)
        moments = sharpe_of(net, horizon)
        value = deflated_sharpe(moments, 0.0, 1) if moments else math.nan
        deflated_ratios[f"h{horizon}"] = value if math.isfinite(value) else None
    return deflated_ratios


def render(
    data: ReportData, request: ExperimentRequest, searched: Sequence[SearchedFamily], blend: Mapping[str, float | None]
) -> str:
    """The report as one HTML document: that of a run, with the request and the trials before the gate.

    Args:
        data: as for the report of a run.
        request: the request.
        searched: the trials of each family and horizon.
        blend: what ``deflated`` returned.
    """
    values = {"request": _request(request, blend), "searched": [_trials(entry) for entry in searched]}
    template = environment("afterbell.experiments", "afterbell.evaluation").get_template("experiment.html")
    return template.render(report_values(data) | values)


def _request(request: ExperimentRequest, blend: Mapping[str, float | None]) -> dict[str, object]:
    return {
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
        **{f"true Sharpe ratio of the blend above 0, {name}": _text(value, ".1%") for name, value in blend.items()},
    }


def _trials(entry: SearchedFamily) -> dict[str, object]:
    rows = [
        [
            str(trial.number),
            _text(trial.rank_ic, ".4f"),
            _text(trial.sharpe, ".3f"),
            json.dumps(trial.params, sort_keys=True),
            trial.reason or ("the specification's own" if trial.number == 0 else ""),
        ]
        for trial in entry.trials
    ]
    chosen = f"{len(rows)} trials, number {entry.chosen} chosen"
    made = f" for {entry.trials_made} trials in all" if entry.trials_made else ""
    return {
        "name": f"{entry.family} h{entry.horizon}",
        "title": f"{chosen}, deflated Sharpe ratio {_text(entry.deflated_sharpe, '.1%')}{made}",
        "rows": rows,
        "chosen": str(entry.chosen),
    }


def _text(value: float | None, form: str) -> str:
    return "n/a" if value is None else format(value, form)
