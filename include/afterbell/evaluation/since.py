"""Changes since the session before: compares the figures of two runs, the largest change first; pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeGuard

_FIGURES = {
    "rank_ic": "rank IC", "ic": "IC", "icir": "ICIR", "sharpe_net": "Sharpe net of costs",
    "decile_spread": "decile spread", "turnover": "turnover", "max_drawdown": "max drawdown",
    "sessions": "sessions judged",
}  # fmt: skip
_COUNTS = {"rows": "rows taken in", "quarantined_rows": "lines set aside"}
_LISTS = {"refused_drops": "drops set aside", "late_drops": "late drops", "missing_drops": "missing drops"}
Value = float | int | str


@dataclass(frozen=True)
class Change:
    """One figure or text that differs between the two runs.

    Attributes:
        name: of the figure, in words.
        before: of the session before; None if it had none.
        now: of this session; None if it has none.
    """

    name: str
    before: Value | None
    now: Value | None

    @property
    def size(self) -> float:
        """From 0 to 2: the difference as a share of the larger of both; infinite where that is not defined."""
        if isinstance(self.before, int | float) and isinstance(self.now, int | float):
            return abs(self.now - self.before) / max(abs(self.now), abs(self.before))
        return math.inf

    def to_json(self) -> dict[str, Value | None]:
        """JSON values."""
        return {"name": self.name, "before": self.before, "now": self.now}


def changes(before: Mapping[str, object], now: Mapping[str, object]) -> list[Change]:
    """The differences between the figures of two runs (``metrics.json`` of a report), the largest first.

    Texts (the verdict) come before figures, which are ordered by their change as a share of the larger of both values.
    """
    left, right = dict(_figures_of(before)), dict(_figures_of(now))
    compared = [Change(name, left.get(name), right.get(name)) for name in {**left, **right}]
    return sorted((change for change in compared if change.before != change.now), key=lambda change: -change.size)


def _figures_of(report: Mapping[str, object]) -> Iterator[tuple[str, Value]]:
    if report.get("verdict"):
        yield "verdict", str(report["verdict"])
    for horizon, values in sorted(_mapping(report.get("metrics")).items()):
        metrics = _mapping(values)
        yield from (
            (f"{label}, {horizon}", value) for name, label in _FIGURES.items() if _is_number(value := metrics.get(name))
        )
    inputs = _mapping(report.get("inputs"))
    yield from ((label, value) for name, label in _COUNTS.items() if _is_number(value := inputs.get(name)))
    yield from ((label, len(items)) for name, label in _LISTS.items() if isinstance(items := inputs.get(name), list))


def _mapping(value: object) -> Mapping[str, object]:
    """``value``, or nothing where it is no mapping."""
    return value if isinstance(value, Mapping) else {}


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
