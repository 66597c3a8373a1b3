"""The figures and plots of each horizon: the candidate's, and the champion's beside them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date

import numpy as np
from markupsafe import Markup

from afterbell.evaluation.drift import coverage, score_drift
from afterbell.evaluation.metrics import Scored, mean_of, summarise
from afterbell.evaluation.panel import BLEND, Floats, ScorePanel
from afterbell.evaluation.report_content import ReportData, Section, Table
from afterbell.evaluation.report_text import format_metric, format_number, plural
from afterbell.reporting import plots

CHAMPION = "champion"
_HEAD = (
    "", "rank IC ± se", "ICIR", "IC (95 % interval)", "t", "Sharpe net", "Sharpe gross", "max drawdown, net",
    "decile spread, gross", "long leg, gross", "short leg, gross", "costs", "turnover", "sessions", "rows",
)  # fmt: skip
_PLAIN = (
    "sharpe_net", "sharpe_gross", "max_drawdown", "decile_spread", "long_leg", "short_leg", "costs", "turnover",
    "sessions", "rows",
)  # fmt: skip
_FEWEST = 10  # symbols in common, for the drift of a session


def headline(data: ReportData) -> Iterator[tuple[str, str, str]]:
    """The tiles: names, figures, and the champion's where it has the horizon."""
    for horizon in sorted(data.panels):
        figures = summarise(data.scored[horizon][BLEND], horizon)
        served = _champion(data, horizon)
        theirs = summarise(served[1][BLEND], horizon) if served else {}
        for key, name in (("rank_ic", "rank IC"), ("sharpe_net", "Sharpe net of costs")):
            error = f" (±{format_metric('rank_ic_se', figures['rank_ic_se'])})" if key == "rank_ic" else ""
            beside = f"{CHAMPION} {format_metric(key, theirs[key])}" if served else ""
            yield f"{name}, h{horizon}{error}", format_metric(key, figures[key]), beside


def horizon_section(data: ReportData, horizon: int) -> Section:
    """The table and the plots of one horizon."""
    panel, scored = data.panels[horizon], data.scored[horizon]
    served = _champion(data, horizon)
    rows = []
    for name in dict.fromkeys([BLEND, *scored]):
        rows.append(_metrics_row(name, summarise(scored[name], horizon)))
        if served and name in served[1]:
            rows.append(_metrics_row(f"{CHAMPION}: {name}", summarise(served[1][name], horizon)))
    if served:
        rows += [
            _metrics_row(f"{CHAMPION}: {name}", summarise(served[1][name], horizon))
            for name in served[1]
            if name not in scored
        ]
    title = f"Horizon of {horizon} session{plural(horizon)}"
    return Section(Table(title, _HEAD, rows, BLEND), list(_plots(data, panel, scored, served)))


def _champion(data: ReportData, horizon: int) -> tuple[ScorePanel, Mapping[str, Scored]] | None:
    if data.champion is None or horizon not in data.champion.panels:
        return None
    return data.champion.panels[horizon], data.champion.scored[horizon]


def _metrics_row(name: str, figures: Mapping[str, float | None]) -> list[str]:
    texts = {key: format_metric(key, value) for key, value in figures.items()}
    return [
        name,
        f"{texts['rank_ic']} ± {texts['rank_ic_se']}",
        texts["icir"],
        f"{texts['ic']} ({texts['ic_ci_low']} to {texts['ic_ci_high']})",
        texts["ic_t"],
        *(texts[key] for key in _PLAIN),
    ]


def _plots(
    data: ReportData,
    panel: ScorePanel,
    scored: Mapping[str, Scored],
    served: tuple[ScorePanel, Mapping[str, Scored]] | None,
) -> Iterator[Markup]:
    horizon = panel.horizon
    ordered = {BLEND: scored[BLEND], **scored}
    yield plots.curves(
        "Cumulative rank IC",
        {name: (panel.sessions, np.nancumsum(one.rank_ic)) for name, one in ordered.items()}
        | ({CHAMPION: (served[0].sessions, np.nancumsum(served[1][BLEND].rank_ic))} if served else {}),
        level=0.0,
        unit="sum of rank IC",
        dashed=CHAMPION,
    )
    yield _by_fold(panel, scored[BLEND], served)
    yield plots.bars(
        f"Mean return over {horizon} session{plural(horizon)} by decile of score, gross",
        _by_decile(scored[BLEND]),
        beside=(CHAMPION, _by_decile(served[1][BLEND])) if served else None,
        unit="basis points",
    )
    yield plots.curves(
        "Long the best decile, short the worst, net of costs",
        {name: _booked(data, panel, one) for name, one in ordered.items()}
        | ({CHAMPION: _booked(data, *(served[0], served[1][BLEND]))} if served else {}),
        level=1.0,
        unit="one unit grows to",
        dashed=CHAMPION,
    )
    yield plots.curves(
        f"Coverage, h{horizon}: symbols scored by session",
        {"candidate": (panel.sessions, coverage(panel))}
        | ({CHAMPION: (served[0].sessions, coverage(served[0]))} if served else {}),
        unit="symbols",
        dashed=CHAMPION,
    )
    if served:
        sessions, drift = score_drift(panel, served[0], _FEWEST)
        if np.isfinite(drift).any():
            mean = format_number(float(np.nanmean(drift)), ".2f")
            title = f"Drift, h{horizon}: rank correlation with the champion's scores, mean {mean}"
            yield plots.curves(title, {"blend": (sessions, drift)}, level=1.0, unit="rank correlation")


def _booked(data: ReportData, panel: ScorePanel, scored: Scored) -> tuple[list[date], Floats]:
    """The wealth at the panel's sessions and those after them on which its portfolios end, as far as they are known."""
    known = {*data.calendar, *(day for other in data.panels.values() for day in other.sessions)}
    later = sorted(day for day in known if day > panel.sessions[-1])
    days = [*panel.sessions, *later[: panel.horizon + 1]]
    return days, scored.portfolio.wealth[: len(days)]


def _by_decile(scored: Scored) -> dict[str, float]:
    return {str(number + 1): 1e4 * float(value) for number, value in enumerate(np.nan_to_num(scored.portfolio.deciles))}


def _by_fold(panel: ScorePanel, scored: Scored, served: tuple[ScorePanel, Mapping[str, Scored]] | None) -> Markup:
    means, theirs, reach = {}, {}, []
    champion = dict(zip(served[0].sessions, served[1][BLEND].rank_ic.tolist(), strict=True)) if served else {}
    for fold in np.unique(panel.folds):
        mean = mean_of(scored.rank_ic[panel.folds == fold], panel.horizon)
        inside = [day for day, own in zip(panel.sessions, panel.folds, strict=True) if own == fold]
        name = f"{inside[0]:%b %d}\n{inside[-1]:%b %d, %Y}"
        means[name] = float(np.nan_to_num(mean.value))
        same = mean_of(np.array([champion.get(day, np.nan) for day in inside]), panel.horizon)
        theirs[name] = float(np.nan_to_num(same.value))
        reach.append(float(np.nan_to_num(mean.quantile(0.975) - mean.value)))
    return plots.bars(
        "Rank IC of the blend by fold, 95 % intervals",
        means,
        reach=np.array(reach),
        beside=(CHAMPION, theirs) if served else None,
        unit="rank IC",
    )
