"""Exposures, capacity and the final models, as tables of a report."""

from __future__ import annotations

from collections.abc import Sequence

from afterbell.evaluation.findings import Holdings
from afterbell.evaluation.report_content import ReportData, Table
from afterbell.evaluation.report_text import format_mean, format_number

_CANDIDATES = ("candidate", "champion")


def exposures_table(data: ReportData) -> Table | None:
    """Exposures and capacity of candidate and champion by horizon; None where nothing is known."""
    names = list(
        dict.fromkeys(
            name
            for holdings in data.holdings
            for exposures in holdings.exposures.values()
            for name in exposures.correlations
        )
    )
    rows = [
        _row(f"h{horizon} {who}", holdings, horizon, names)
        for horizon in sorted(data.panels)
        for who, holdings in zip(_CANDIDATES, data.holdings, strict=False)
        if horizon in holdings.exposures or horizon in holdings.capacity
    ]
    if not rows:
        return None
    share = f"capacity at {data.volume_share:.1%} of volume" if data.volume_share else "capacity"
    head = ["", *names, "rank IC where known", "rank IC left", "sessions", share]
    return Table("Exposures of the blend", head, rows)


def _row(title: str, holdings: Holdings, horizon: int, names: Sequence[str]) -> list[str]:
    exposures = holdings.exposures.get(horizon)
    room = format_number(holdings.capacity.get(horizon, float("nan")), ",.0f")
    if exposures is None:
        return [title, *("n/a" for _ in names), "n/a", "n/a", "0", room]
    known = exposures.correlations
    return [
        title,
        *(format_mean(known[name], 3) if name in known else "n/a" for name in names),
        format_mean(exposures.rank_ic),
        format_mean(exposures.neutral_rank_ic),
        str(exposures.neutral_rank_ic.values),
        room,
    ]


def finals_table(data: ReportData) -> Table | None:
    """The final models beside the tested ones; None where they were not tried."""
    if not data.finals:
        return None
    head = [
        "", "tested: rank IC ± se", "final: rank IC ± se", "sessions", "like the tested", "like the champion",
        "symbols", "problems",
    ]  # fmt: skip
    rows = [
        [
            f"h{horizon}",
            format_mean(check.tested_rank_ic),
            format_mean(check.rank_ic),
            str(check.sessions),
            format_number(check.likeness, "+.3f"),
            format_number(check.champion, "+.3f"),
            f"{check.symbols:,}",
            "; ".join(check.problems) or "none",
        ]
        for horizon, check in sorted(data.finals.items())
    ]
    return Table("Final models", head, rows)
