"""What ``doctor`` reports about one thing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Finding:
    """One check: ``ok``, ``warn`` (it works without) or ``missing`` (it doesn't)."""

    check: str
    state: Literal["ok", "warn", "missing"]
    found: str
    advice: str = ""
