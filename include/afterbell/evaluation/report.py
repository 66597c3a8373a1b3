"""The report of a run: one self-contained HTML file that needs no network and no script."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from markupsafe import Markup

from afterbell.evaluation.final_check import problems_of
from afterbell.evaluation.gate import POOLED, Comparison
from afterbell.evaluation.report_content import ReportData, Table
from afterbell.evaluation.report_findings import exposures_table, finals_table
from afterbell.evaluation.report_horizons import headline, horizon_section
from afterbell.evaluation.report_live import live_section
from afterbell.evaluation.since import Change
from afterbell.reporting import plots
from afterbell.reporting.rendering import environment
from afterbell.training.candidate_document import CandidateDocument

__all__ = ["ReportData", "render", "render_held", "report_values"]
_ROOM = "afterbell.evaluation"

_AGAINST = {
    "zero skill": "zero skill",
    "champion": "the champion",
    "approved": "the last release that a person approved",
}
_OUTCOMES = {
    "publish": "Publish: the candidate becomes champion",
    "keep": "Champion kept",
    "hold": "Held: a person has to look",
}


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
        "headline": {name: figure for name, figure, _ in headline(data)},
        "beside": {name: beside for name, _, beside in headline(data)},
        "problems": problems_of(check for _, check in sorted(data.finals.items())),
        "notes": _notes(data),
        "since": _since(*data.since),
        "horizons": [horizon_section(data, horizon) for horizon in sorted(data.panels)],
        "live": live_section(data),
        "exposures": exposures_table(data),
        "finals": finals_table(data),
        "comparisons": _comparisons(data),
        "champion_plots": _against_champion(data),
        "model_plots": list(_models(data)),
        "data": _data(data),
        "tables": list(_counts(data.data)),
        "lists": list(_lists(data.data)),
        "provenance": _provenance(data.candidate),
    }


def _notes(data: ReportData) -> dict[str, str]:
    """What the words and signs of the figures mean."""
    cost = "" if data.cost_bps is None else f" of {data.cost_bps:g} basis points of the value traded, one way"
    champion = data.rival.release_id if data.rival else None
    return {
        "tested": "the models of the folds, each on sessions that it was not trained on: every figure and plot but "
        "those of the final models is theirs",
        "published": f"the final models of candidate {data.candidate.candidate_id}, fitted to all sessions with a "
        "label by the same parameters; nothing is known of their skill but that of the tested ones",
        "champion": f"release {champion}, beside the candidate's figures: each on its own out-of-sample sessions, "
        "in the section Gate on those that both have"
        if champion
        else "none serves yet",
        "±": "one standard error of the mean, for labels that overlap; intervals are 95 %, by Student's t",
        "gross": "before costs: decile spread, legs and returns by decile. A leg is what it earns beyond the mean of "
        "all symbols: the long and the short one together are the spread",
        **({"blend": _weights(data)} if any(panel.weights for panel in data.panels.values()) else {}),
        "net": f"after costs{cost}: Sharpe ratio, wealth and drawdown where they are called so. Returns are booked "
        "day by day where the candidate has a horizon of one session, otherwise where a label ends",
    }


def _weights(data: ReportData) -> str:
    """The weights of the families in the newest fold's blends."""
    by_horizon = [
        f"h{horizon}: "
        + ", ".join(f"{family} {weights[-1, 0]:.2f}" for family, weights in sorted(panel.weights.items()))
        for horizon, panel in sorted(data.panels.items())
        if panel.weights
    ]
    learned = "; ".join(by_horizon)
    return f"each fold's families are weighed by what is learned on the folds before; the last one's {learned}"


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
            **{_label(name): value for name, value in data.items() if not isinstance(value, dict | list)},
        },
        "tables": list(_counts(data)),
        "lists": list(_lists(data)),
    }
    return environment(_ROOM).get_template("held.html").render(values)


def _since(session: str, changes: Sequence[Change]) -> Table | None:
    """What changed since another session; None without one."""
    if not session:
        return None
    rows = [
        [change.name, _format_value(change.before), _format_value(change.now), _format_change(change)]
        for change in changes
    ]
    return Table(f"What changed since {session}", ["", session, "now", "change"], rows)


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


def _comparisons(data: ReportData) -> Table | None:
    """What the verdict rests on; None where nothing was compared."""
    if not data.decision.comparisons:
        return None
    head = ["rank IC", "against", "mean difference", "low quantile", "high quantile", "sessions", "window", ""]
    return Table("Comparisons", head, [_comparison_row(comparison) for comparison in data.decision.comparisons])


def _comparison_row(comparison: Comparison) -> list[str]:
    return [
        "pooled, which decides" if comparison.horizon == POOLED else f"h{comparison.horizon}",
        _AGAINST[comparison.against], f"{comparison.mean:+.4f}", f"{comparison.low:+.4f}", f"{comparison.high:+.4f}",
        str(comparison.sessions), f"{comparison.first} to {comparison.last}",
        "passed" if comparison.passed else "failed",
    ]  # fmt: skip


def _against_champion(data: ReportData) -> list[Markup]:
    drawn = []
    for horizon, part in sorted(data.rival.paired.items() if data.rival else ()):
        if part.sessions:
            series = {"candidate": np.cumsum(part.own), "champion": np.cumsum(part.rival)}
            title = f"On what both have scored, h{horizon}"
            drawn.append(plots.lines(title, list(part.sessions), series, level=0.0, unit="sum of rank IC"))
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


def _counts(data: Mapping[str, object]) -> Iterator[Table]:
    for name, counts in data.items():
        if isinstance(counts, dict) and counts:
            rows = [[str(key), str(value)] for key, value in sorted(counts.items())]
            yield Table(_label(name), ["", "count"], rows)


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
