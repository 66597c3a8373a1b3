"""The report of a run: one self-contained HTML file that needs no network and no script."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from afterbell.evaluation.gate import Comparison, Contender, GateDecision
from afterbell.evaluation.metrics import Scored, newey_west_se, overlap_lag
from afterbell.evaluation.panel import BLEND, Floats, ScorePanel
from afterbell.evaluation.since import Change
from afterbell.reporting import markup, plots

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
        candidate: the content of ``candidate.json``.
        decision: the gate's.
        metrics: ``h<horizon>`` to metrics, as ``metrics.horizon_metrics`` gives them.
        panels: by horizon.
        scored: by horizon and scorer.
        contenders: the candidate, then the champion if there is one.
        gains: by model name, total gain of each feature.
        coefficients: by model name, standardised coefficient of each feature.
        data: counts of the run's data (rows, drops, quarantined rows by rule), as earlier steps reported them.
        more: HTML that goes before the gate.
        title: what the report is of; empty for the session.
        outcome: what a verdict means, where that is other than for the run of a session.
        since: the session before, and what changed since its run; no session if there is nothing to compare with.
    """

    run_id: str
    candidate: Mapping[str, Any]
    decision: GateDecision
    metrics: Mapping[str, Mapping[str, Any]]
    panels: Mapping[int, ScorePanel]
    scored: Mapping[int, Mapping[str, Scored]]
    contenders: tuple[Contender, ...]
    gains: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    coefficients: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)
    more: tuple[str, ...] = ()
    title: str = ""
    outcome: Mapping[str, str] = field(default_factory=dict)
    since: tuple[str, Sequence[Change]] = ("", ())


def render(data: ReportData) -> str:
    """The report as one HTML document; the same data gives the same bytes."""
    session, kind = str(data.candidate["session"]), data.decision.verdict
    body = [
        markup.heading(f"Afterbell: {data.title or f'session {session}'}", 1),
        markup.subtitle(
            f"{f'Made for session {session}. ' if data.title else ''}Candidate {data.candidate['candidate_id']}, run "
            f"{data.run_id}. Metrics are of its folds' models, each on sessions that it was not trained on. The models "
            "to be published are fitted to all sessions afterwards, with the same parameters; nothing here was "
            "measured with them."
        ),
        markup.verdict(kind, data.outcome.get(kind, _OUTCOMES[kind]), data.decision.reason),
        markup.tiles(dict(_headline(data))),
        *_since(*data.since),
    ]
    for horizon in sorted(data.panels):
        body += _horizon(data, horizon)
    body += data.more
    body += [markup.heading("Gate"), _comparisons(data), *_against_champion(data)]
    body += [markup.heading("What the models use"), markup.grid(_models(data))]
    body += [markup.heading("Data"), *_data(data), markup.heading("Provenance"), _provenance(data)]
    return markup.page(f"Afterbell {data.title or session}: {kind}", body)


def render_held(
    session: str,
    run_id: str,
    reason: str,
    data: Mapping[str, Any],
    left_out: Sequence[str],
    since: tuple[str, Sequence[Change]] = ("", ()),
) -> str:
    """The report of a run without a candidate: why, what was left out, and the run's data."""
    plain: dict[str, object] = {
        "left out": "; ".join(left_out) or "nothing",
        **{name.replace("_", " "): value for name, value in data.items()},
    }
    body = [
        markup.heading(f"Afterbell: session {session}", 1),
        markup.subtitle(f"No candidate, run {run_id}. The champion is kept."),
        markup.verdict("hold", _OUTCOMES["hold"], reason),
        *_since(*since),
        markup.heading("Data"),
        markup.pairs(plain),
    ]
    return markup.page(f"Afterbell {session}: hold", body)


def _since(session: str, changes: Sequence[Change]) -> list[str]:
    if not session:
        return []
    rows = [
        [change.name, _format_value(change.before), _format_value(change.now), _format_change(change)]
        for change in changes
    ]
    head = ["", session, "now", "change"]
    title = markup.heading(f"What changed since {session}")
    return [title, markup.table(head, rows) if rows else markup.note("Nothing: figures and data are the same.")]


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
        metrics = data.metrics[f"h{horizon}"]
        yield (
            f"rank IC, h{horizon} (±{_format_metric('rank_ic_se', metrics['rank_ic_se'])})",
            _format_metric("rank_ic", metrics["rank_ic"]),
        )
        yield f"Sharpe net of costs, h{horizon}", _format_metric("sharpe_net", metrics["sharpe_net"])


def _horizon(data: ReportData, horizon: int) -> list[str]:
    panel, scored, metrics = data.panels[horizon], data.scored[horizon], data.metrics[f"h{horizon}"]
    everyone = {BLEND: metrics, **metrics["families"]}
    rows = [_metrics_row(name, values) for name, values in everyone.items()]
    ordered = {name: scored[name] for name in everyone}
    best = scored[BLEND].portfolio
    return [
        markup.heading(f"Horizon of {horizon} session{_plural(horizon)}"),
        markup.table(_HEAD, rows, strong=BLEND),
        "<p></p>",
        markup.grid(
            [
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
        ),
    ]


def _metrics_row(name: str, values: Mapping[str, Any]) -> list[str]:
    texts = {key: _format_metric(key, value) for key, value in values.items() if key != "families"}
    return [
        name,
        f"{texts['rank_ic']} ± {texts['rank_ic_se']}",
        texts["icir"],
        f"{texts['ic']} ({texts['ic_ci_low']} to {texts['ic_ci_high']})",
        texts["ic_t"],
        *(texts[key] for key in _PLAIN),
    ]


def _by_fold(panel: ScorePanel, scored: Scored) -> str:
    means, errors = {}, []
    for fold in np.unique(panel.folds):
        values = scored.rank_ic[(panel.folds == fold) & np.isfinite(scored.rank_ic)]
        inside = [day for day, own in zip(panel.sessions, panel.folds, strict=True) if own == fold]
        means[f"{inside[0]:%b %d}\n{inside[-1]:%b %d, %Y}"] = float(values.mean()) if values.size else 0.0
        error = newey_west_se(values, overlap_lag(values.size, panel.horizon))
        errors.append(error if math.isfinite(error) else 0.0)
    return plots.bars("Rank IC of the blend by fold, 95 % intervals", means, errors=np.array(errors), unit="rank IC")


def _comparisons(data: ReportData) -> str:
    rival = f"the champion {data.contenders[1].candidate_id}" if len(data.contenders) > 1 else "zero skill"
    if not data.decision.comparisons:
        return markup.pairs({"decided without a comparison": data.decision.reason})
    head = [f"rank IC against {rival}", "mean difference", "5 % quantile", "95 % quantile", "sessions", "window", ""]
    return markup.table(head, [_comparison_row(comparison) for comparison in data.decision.comparisons])


def _comparison_row(comparison: Comparison) -> list[str]:
    return [
        f"h{comparison.horizon}", f"{comparison.mean:+.4f}", f"{comparison.low:+.4f}", f"{comparison.high:+.4f}",
        str(comparison.sessions), f"{comparison.first} to {comparison.last}",
        "passed" if comparison.passed else "failed",
    ]  # fmt: skip


def _against_champion(data: ReportData) -> list[str]:
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
    return ["<p></p>", markup.grid(drawn)]


def _models(data: ReportData) -> Iterator[str]:
    for name, gains in data.gains.items():
        total = sum(gains.values()) or 1.0
        yield plots.ranking(f"{name}: share of gain", {key: value / total for key, value in gains.items()})
    for name, weights in data.coefficients.items():
        yield plots.ranking(f"{name}: standardised coefficients", weights)


def _data(data: ReportData) -> list[str]:
    first, last = data.candidate["train_sessions"]
    known: dict[str, object] = {
        "training rows": f"{data.candidate['train_rows']:,}",
        "training sessions": f"{first} to {last}",
        "fits": data.candidate["fits"],
        "left out": "; ".join(data.candidate["skipped"]) or "nothing",
    }
    plain = {name.replace("_", " "): value for name, value in data.data.items() if not isinstance(value, dict | list)}
    boxes = [markup.pairs(known | plain)]
    for name, counts in data.data.items():
        if isinstance(counts, dict) and counts:
            rows = [[str(key), str(value)] for key, value in sorted(counts.items())]
            boxes += [markup.heading(name.replace("_", " "), 3), markup.table(["", "count"], rows)]
        if isinstance(counts, list) and counts:
            rows = [[json.dumps(item, sort_keys=True)] for item in counts]
            boxes += [markup.heading(name.replace("_", " "), 3), markup.table(["each"], rows)]
    return boxes


def _provenance(data: ReportData) -> str:
    candidate = data.candidate
    return markup.pairs(
        {
            "candidate": candidate["candidate_id"],
            **{
                f"features {schema['set']}": f"{len(schema['names'])} factors, definition {schema['definition_hash']}"
                for schema in candidate["features"]["sets"]
            },
            **dict(_ids(candidate["inputs"])),
            "code": candidate.get("code_version", ""),
            "environment": ", ".join(f"{name} {value}" for name, value in candidate.get("environment", {}).items()),
            **{f"{item['family']} h{item['horizon']} SHA-256": item["sha256"] for item in candidate["models"]},
            "specification": json.dumps(candidate["spec"], sort_keys=True),
        }
    )


def _ids(inputs: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    for name, value in inputs.items():
        label = name.replace("_", " ")
        if isinstance(value, dict):
            yield from ((f"{label} {key}", identifier) for key, identifier in value.items())
        else:
            yield label, value


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
