"""The result of one check of ``doctor``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Finding:
    """Result of one check: ``ok``, ``warn`` (it works without) or ``missing`` (it doesn't).

    Attributes:
        check: its name.
        state: the outcome.
        text: what was observed; its key in JSON is ``found``.
        advice: what to do; empty if nothing is to be done.
    """

    check: str
    state: Literal["ok", "warn", "missing"]
    text: str
    advice: str = ""

    def to_json(self) -> dict[str, str]:
        """JSON values."""
        return {"check": self.check, "state": self.state, "found": self.text, "advice": self.advice}
