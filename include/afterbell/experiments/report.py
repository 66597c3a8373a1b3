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
from afterbell.evaluation.sharpe import deflated_sharpe, sharpe_of
from afterbell.experiments.request import ExperimentRequest
from afterbell.reporting.rendering import environment

_MOST_ROWS = 50
"""Trials of a family and horizon in the report."""


class SearchTrial(BaseModel):
    """One setting that was tried: its parameters, its figures, and why it failed if it did."""

    model_config = ConfigDict(frozen=True)

    number: int
    params: Mapping[str, object]
    rank_ic: float | None
    sharpe: float | None
    reason: str
    ending: str = "complete"
    folds: int = 0


class SearchedFamily(BaseModel):
    """The search of one family and horizon: an entry of ``search`` in ``candidate.json``.

    Attributes:
        family: whose.
        horizon: in sessions.
        chosen: number of the best trial.
        used: of the trial whose models are reported; None where that is the best one.
        trials: those that were tried.
        planned: how many were requested; 0 where that was not recorded.
        left_out: which of them were left out; empty for none.
        why: the reason of that.
        deflated_sharpe: of the best trial, on the folds of the choice; it counts all ``trials_made``.
        trials_made: of all families and horizons on these folds; None where that was not recorded.
    """

    model_config = ConfigDict(frozen=True)

    family: str
    horizon: int
    chosen: int
    trials: tuple[SearchTrial, ...]
    deflated_sharpe: float | None
    used: int | None = None
    planned: int = 0
    left_out: str = ""
    why: str = ""
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
    shown = _shown(entry)
    rows = [
        [
            str(trial.number),
            _text(trial.rank_ic, ".4f"),
            _text(trial.sharpe, ".3f"),
            json.dumps(trial.params, sort_keys=True),
            _remark(trial),
        ]
        for trial in shown
    ]
    chosen = f"{len(entry.trials)} trials, number {entry.chosen} chosen"
    made = f" for {entry.trials_made} trials in all" if entry.trials_made else ""
    return {
        "name": f"{entry.family} h{entry.horizon}",
        "title": f"{chosen}, deflated Sharpe ratio {_text(entry.deflated_sharpe, '.1%')}{made}",
        "note": " ".join(_notes(entry, len(shown))),
        "rows": rows,
        "chosen": str(entry.chosen),
    }


def _shown(entry: SearchedFamily) -> list[SearchTrial]:
    """All trials where they are few; else the best, and the specification's own."""
    if len(entry.trials) <= _MOST_ROWS:
        return list(entry.trials)
    complete = [trial for trial in entry.trials if trial.ending == "complete" and trial.rank_ic is not None]
    best = {trial.number for trial in sorted(complete, key=lambda trial: -(trial.rank_ic or 0.0))[:_MOST_ROWS]}
    return [trial for trial in entry.trials if trial.number in best | {0, entry.chosen}]


def _remark(trial: SearchTrial) -> str:
    if trial.ending == "pruned":
        return f"pruned after {trial.folds} fold{'s' if trial.folds != 1 else ''}"
    return trial.reason or ("the specification's own" if trial.number == 0 else "")


def _notes(entry: SearchedFamily, shown: int) -> list[str]:
    """What is to be said of a search beside its table, in sentences."""
    pruned = sum(trial.ending == "pruned" for trial in entry.trials)
    failed = sum(trial.ending == "failed" for trial in entry.trials)
    notes = []
    if entry.planned:
        notes.append(f"{entry.planned} trials planned, {len(entry.trials)} done: {pruned} pruned, {failed} failed.")
    if entry.left_out:
        notes.append(f"Left out: {entry.left_out}, because {entry.why}.")
    if entry.used is not None and entry.used != entry.chosen:
        notes.append("Its models were not done in time: those of the specification's own setting are reported.")
    if shown < len(entry.trials):
        notes.append(f"The best {shown} are shown; candidate.json has all.")
    return notes


def _text(value: float | None, form: str) -> str:
    return "n/a" if value is None else format(value, form)
