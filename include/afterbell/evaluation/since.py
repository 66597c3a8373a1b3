"""What changed since the session before: the figures of two runs beside each other, the largest change first; pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

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
    """One thing that is not as it was.

    Attributes:
        name: what it is, in words.
        before: of the session before; None where it wasn't there.
        now: of this session; None where it isn't there.
    """

    name: str
    before: Value | None
    now: Value | None

    @property
    def size(self) -> float:
        """From 0 to 2: the difference as a share of the larger of both; infinite where that can't be told."""
        if isinstance(self.before, int | float) and isinstance(self.now, int | float):
            return abs(self.now - self.before) / max(abs(self.now), abs(self.before))
        return math.inf

    def to_json(self) -> dict[str, Value | None]:
        """JSON values."""
        return {"name": self.name, "before": self.before, "now": self.now}


def changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[Change]:
    """What differs between the figures of two runs (``metrics.json`` of a report), the largest change first.

    Texts (the verdict) come before figures, which are ordered by their change as a share of the larger of both values.
    """
    left, right = dict(_told(before)), dict(_told(now))
    found = [Change(name, left.get(name), right.get(name)) for name in {**left, **right}]
    return sorted((each for each in found if each.before != each.now), key=lambda each: -each.size)


def _told(found: Mapping[str, Any]) -> Iterator[tuple[str, Value]]:
    if found.get("verdict"):
        yield "verdict", str(found["verdict"])
    metrics, inputs = found.get("metrics"), found.get("inputs")
    for horizon, values in sorted(metrics.items()) if isinstance(metrics, Mapping) else ():
        if isinstance(values, Mapping):
            yield from (
                (f"{said}, {horizon}", values[name]) for name, said in _FIGURES.items() if _number(values.get(name))
            )
    if isinstance(inputs, Mapping):
        yield from ((said, inputs[name]) for name, said in _COUNTS.items() if _number(inputs.get(name)))
        yield from ((said, len(inputs[name])) for name, said in _LISTS.items() if isinstance(inputs.get(name), list))


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
