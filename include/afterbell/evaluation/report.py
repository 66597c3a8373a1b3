"""The report of a run: one self-contained HTML file that needs no network and no script."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from markupsafe import Markup

from afterbell.evaluation.gate import Comparison, Contender, GateDecision
from afterbell.evaluation.metrics import Scored, summarise
from afterbell.evaluation.overlap import newey_west_se, overlap_lag
from afterbell.evaluation.panel import BLEND, Floats, ScorePanel
from afterbell.evaluation.since import Change
from afterbell.reporting import plots
from afterbell.reporting.rendering import environment
from afterbell.training.candidate_document import CandidateDocument

_ROOM = "afterbell.evaluation"

_HEAD = (
    "", "rank IC ± se", "ICIR", "IC (95 % interval)", "t", "decile spread", "turnover", "Sharpe net", "max drawdown",
    "sessions", "rows",
)  # fmt: skip
_PLAIN = ("decile_spread", "turnover", "sharpe_net", "max_drawdown", "sessions", "rows")
_PERCENT = {"decile_spread", "turnover", "max_drawdown"}
_OUTCOMES = {
    "publish": "Publish: the candidate becomes champion",
    "keep": "Champion kept",
    "hold": "Held: a person has to look",
}


@dataclass(frozen=True)
class ReportData:
    """The data of a report.

    Attributes:
        run_id: of the run.
        candidate: the candidate.
        decision: the gate's.
        panels: by horizon.
        scored: by horizon and scorer.
        contenders: the candidate, then the champion if there is one.
        gains: by model name, total gain of each feature.
        coefficients: by model name, standardised coefficient of each feature.
        data: counts of the run's data (rows, drops, quarantined rows by rule), as earlier steps reported them.
        title: what the report is of; empty for the session.
        outcome: what a verdict means, where that is other than for the run of a session.
        since: the session before, and what changed since its run; no session if there is nothing to compare with.
    """

    run_id: str
    candidate: CandidateDocument
    decision: GateDecision
    panels: Mapping[int, ScorePanel]
    scored: Mapping[int, Mapping[str, Scored]]
    contenders: tuple[Contender, ...]
    gains: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    coefficients: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    data: Mapping[str, object] = field(default_factory=dict)
    title: str = ""
    outcome: Mapping[str, str] = field(default_factory=dict)
    since: tuple[str, Sequence[Change]] = ("", ())


@dataclass(frozen=True)
class _Table:
    """A title, a head and rows of text; the row whose first cell is ``strong`` stands out."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    strong: str = ""


@dataclass(frozen=True)
class _Section:
    """A table and the plots below it."""

    table: _Table
    plots: Sequence[Markup] = ()


def render(data: ReportData) -> str:
    """The report as one HTML document; the same data gives the same bytes."""
    return environment(_ROOM).get_template("report.html").render(report_values(data))


def report_values(data: ReportData) -> dict[str, object]:
    """The values of the template ``report.html`` of this room."""
    session, kind = data.candidate.session.isoformat(), data.decision.verdict
    return {
        "title": data.title or f"session {session}",
        "head_title": data.title or session,
        "made_for": session if data.title else "",
        "kind": kind,
        "outcome": data.outcome.get(kind, _OUTCOMES[kind]),
        "reason": data.decision.reason,
        "candidate_id": data.candidate.candidate_id,
        "run_id": data.run_id,
        "headline": dict(_headline(data)),
        "since": _since(*data.since),
        "horizons": [_horizon(data, horizon) for horizon in sorted(data.panels)],
        "comparisons": _comparisons(data),
        "champion_plots": _against_champion(data),
        "model_plots": list(_models(data)),
        "data": _data(data),
        "tables": list(_counts(data.data)),
        "lists": list(_lists(data.data)),
        "provenance": _provenance(data.candidate),
    }


def render_held(
    session: str,
    run_id: str,
    reason: str,
    data: Mapping[str, object],
    left_out: Sequence[str],
    since: tuple[str, Sequence[Change]] = ("", ()),
) -> str:
    """The report of a run without a candidate: why, what was left out, and the run's data."""
    values = {
        "session": session,
        "run_id": run_id,
        "outcome": _OUTCOMES["hold"],
        "reason": reason,
        "since": _since(*since),
        "data": {
            "left out": "; ".join(left_out) or "nothing",
            **{name.replace("_", " "): value for name, value in data.items()},
        },
    }
    return environment(_ROOM).get_template("held.html").render(values)


def _since(session: str, changes: Sequence[Change]) -> _Table | None:
    """What changed since another session; None without one."""
    if not session:
        return None
    rows = [
        [change.name, _format_value(change.before), _format_value(change.now), _format_change(change)]
        for change in changes
    ]
    return _Table(f"What changed since {session}", ["", session, "now", "change"], rows)


def _format_value(value: object) -> str:
    return (
        "none"
        if value is None
        else f"{value:,.4g}"
        if isinstance(value, float)
        else f"{value:,}"
        if isinstance(value, int)
        else str(value)
    )


def _format_change(change: Change) -> str:
    if isinstance(change.before, int | float) and isinstance(change.now, int | float):
        return f"{change.now - change.before:+,.4g}"
    return ""


def _headline(data: ReportData) -> Iterator[tuple[str, str]]:
    for horizon in sorted(data.panels):
        figures = summarise(data.scored[horizon][BLEND], horizon)
        yield (
            f"rank IC, h{horizon} (±{_format_metric('rank_ic_se', figures['rank_ic_se'])})",
            _format_metric("rank_ic", figures["rank_ic"]),
        )
        yield f"Sharpe net of costs, h{horizon}", _format_metric("sharpe_net", figures["sharpe_net"])


def _horizon(data: ReportData, horizon: int) -> _Section:
    panel, scored = data.panels[horizon], data.scored[horizon]
    ordered = {BLEND: scored[BLEND], **scored}
    rows = [_metrics_row(name, summarise(one, horizon)) for name, one in ordered.items()]
    best = scored[BLEND].portfolio
    drawings = [
        plots.lines(
            "Cumulative rank IC",
            panel.sessions,
            {name: np.nancumsum(one.rank_ic) for name, one in ordered.items()},
            level=0.0,
            unit="sum of rank IC",
        ),
        _by_fold(panel, scored[BLEND]),
        plots.bars(
            f"Mean return over {horizon} session{_plural(horizon)} by decile of score",
            {str(number + 1): 1e4 * value for number, value in enumerate(_finite(best.deciles))},
            unit="basis points",
        ),
        plots.lines(
            "Long the best decile, short the worst, net of costs",
            panel.sessions,
            {name: one.portfolio.wealth for name, one in ordered.items()},
            level=1.0,
            unit="one unit grows to",
        ),
    ]
    return _Section(_Table(f"Horizon of {horizon} session{_plural(horizon)}", _HEAD, rows, BLEND), drawings)


def _metrics_row(name: str, figures: Mapping[str, float | None]) -> list[str]:
    texts = {key: _format_metric(key, value) for key, value in figures.items()}
    return [
        name,
        f"{texts['rank_ic']} ± {texts['rank_ic_se']}",
        texts["icir"],
        f"{texts['ic']} ({texts['ic_ci_low']} to {texts['ic_ci_high']})",
        texts["ic_t"],
        *(texts[key] for key in _PLAIN),
    ]


def _by_fold(panel: ScorePanel, scored: Scored) -> Markup:
    means, errors = {}, []
    for fold in np.unique(panel.folds):
        values = scored.rank_ic[(panel.folds == fold) & np.isfinite(scored.rank_ic)]
        inside = [day for day, own in zip(panel.sessions, panel.folds, strict=True) if own == fold]
        means[f"{inside[0]:%b %d}\n{inside[-1]:%b %d, %Y}"] = float(values.mean()) if values.size else 0.0
        error = newey_west_se(values, overlap_lag(values.size, panel.horizon))
        errors.append(error if math.isfinite(error) else 0.0)
    return plots.bars("Rank IC of the blend by fold, 95 % intervals", means, errors=np.array(errors), unit="rank IC")


def _comparisons(data: ReportData) -> _Table | None:
    """What the verdict rests on; None where nothing was compared."""
    if not data.decision.comparisons:
        return None
    rival = f"the champion {data.contenders[1].candidate_id}" if len(data.contenders) > 1 else "zero skill"
    head = [f"rank IC against {rival}", "mean difference", "5 % quantile", "95 % quantile", "sessions", "window", ""]
    return _Table("Comparisons", head, [_comparison_row(comparison) for comparison in data.decision.comparisons])


def _comparison_row(comparison: Comparison) -> list[str]:
    return [
        f"h{comparison.horizon}", f"{comparison.mean:+.4f}", f"{comparison.low:+.4f}", f"{comparison.high:+.4f}",
        str(comparison.sessions), f"{comparison.first} to {comparison.last}",
        "passed" if comparison.passed else "failed",
    ]  # fmt: skip


def _against_champion(data: ReportData) -> list[Markup]:
    if len(data.contenders) < 2 or not data.decision.comparisons:
        return []
    candidate, champion = data.contenders
    drawn = []
    for horizon in sorted(candidate.rank_ics.keys() & champion.rank_ics.keys()):
        own, rival = candidate.rank_ics[horizon], champion.rank_ics[horizon]
        common = sorted(own.keys() & rival.keys())
        series = {
            "candidate": np.cumsum([own[day] for day in common]),
            "champion": np.cumsum([rival[day] for day in common]),
        }
        drawn.append(plots.lines(f"Common window, h{horizon}", common, series, level=0.0, unit="sum of rank IC"))
    return drawn


def _models(data: ReportData) -> Iterator[Markup]:
    for name, gains in data.gains.items():
        total = sum(gains.values()) or 1.0
        yield plots.ranking(f"{name}: share of gain", {key: value / total for key, value in gains.items()})
    for name, weights in data.coefficients.items():
        yield plots.ranking(f"{name}: standardised coefficients", weights)


def _data(data: ReportData) -> dict[str, object]:
    candidate = data.candidate
    first, last = candidate.train_sessions
    return {
        "training rows": f"{candidate.train_rows:,}",
        "training sessions": f"{first} to {last}",
        "fits": candidate.fits,
        "left out": "; ".join(candidate.skipped) or "nothing",
        **{_label(name): value for name, value in data.data.items() if not isinstance(value, dict | list)},
    }


def _counts(data: Mapping[str, object]) -> Iterator[_Table]:
    for name, counts in data.items():
        if isinstance(counts, dict) and counts:
            rows = [[str(key), str(value)] for key, value in sorted(counts.items())]
            yield _Table(_label(name), ["", "count"], rows)


def _lists(data: Mapping[str, object]) -> Iterator[tuple[str, list[str]]]:
    for name, items in data.items():
        if isinstance(items, list) and items:
            yield _label(name), [json.dumps(item, sort_keys=True) for item in items]


def _provenance(candidate: CandidateDocument) -> dict[str, object]:
    return {
        "candidate": candidate.candidate_id,
        **{
            f"features {schema.set}": f"{len(schema.names)} factors, definition {schema.definition_hash}"
            for schema in candidate.features.sets
        },
        **dict(_ids(candidate.inputs)),
        "code": candidate.code_version,
        "environment": ", ".join(f"{name} {value}" for name, value in candidate.environment.items()),
        **{f"{model.family} h{model.horizon} SHA-256": model.sha256 for model in candidate.models},
        "specification": json.dumps(candidate.spec, sort_keys=True),
    }


def _ids(inputs: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    for name, value in inputs.items():
        label = _label(name)
        if isinstance(value, dict):
            yield from ((f"{label} {key}", identifier) for key, identifier in value.items())
        else:
            yield label, value


def _label(name: str) -> str:
    return name.replace("_", " ")


def _format_metric(key: str, value: float | None) -> str:
    if value is None:
        return "n/a"
    if key in {"sessions", "rows"}:
        return f"{value:,}"
    if key in _PERCENT:
        return f"{value:.2%}" if key == "decile_spread" else f"{value:.1%}"
    return f"{value:.2f}" if key in {"ic_t", "icir", "sharpe_net"} else f"{value:.4f}"


def _plural(count: int) -> str:
    return "" if count == 1 else "s"


def _finite(values: Floats) -> list[float]:
    return [float(value) for value in np.nan_to_num(values)]
