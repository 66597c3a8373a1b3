"""Terms of a source's deliveries: when a drop is known, complete, late, and how many faults are accepted. Pure."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from afterbell.config.loader import Strict


class Knowledge(Strict):
    """When a drop's content is known: a delay after the closing bell of the session it is named after."""

    rule: Literal["session_close"] = "session_close"
    delay_minutes: int = Field(ge=0, le=24 * 60)


class Arrival(Strict):
    """How long a run waits for the drop of its session.

    Attributes:
        cut_off_minutes: after the session's close, as the calendar has it; waiting ends there.
        late: what then happens: ``fail``, the run stops and the champion stays; ``go_on``, without the drop, which
            counts from the session on that first finds it.
        poll_seconds: between two checks.
        expected: ``sometimes`` where not every session has a drop (a weekly file): a run neither waits for it nor
            reports it missing.
    """

    cut_off_minutes: int = Field(default=75, ge=1, le=120)
    late: Literal["fail", "go_on"] = "fail"
    poll_seconds: int = Field(default=30, ge=1, le=600)
    expected: Literal["every_session", "sometimes"] = "every_session"


class Completion(Strict):
    """The rule by which an object is known to be whole.

    Attributes:
        rule: ``atomic``, the store shows only whole objects (S3, or a rename on HDFS); ``marker``, a second object
            confirms it; ``settled``, it was not written to for a while.
        suffix: of the marker's key: the object's own key, and this.
        marker: or the marker's name, one for all objects of its folder, such as ``_SUCCESS``.
        seconds: for how long an object, and the others of its session, must have been left alone.
    """

    rule: Literal["atomic", "marker", "settled"] = "atomic"
    suffix: str = Field(default="", pattern=r"^([A-Za-z0-9_.-]{1,40})?$")
    marker: str = Field(default="", pattern=r"^([A-Za-z0-9_][A-Za-z0-9_.-]{0,39})?$")
    seconds: int = Field(default=0, ge=0, le=3600)

    @model_validator(mode="after")
    def _has_what_its_rule_needs(self) -> Completion:
        if (self.rule == "marker") != bool(self.suffix or self.marker) or (self.suffix and self.marker):
            raise ValueError("rule marker, and no other, needs one of suffix (such as .done) and marker (_SUCCESS)")
        if (self.rule == "settled") != bool(self.seconds):
            raise ValueError("rule settled, and no other, needs seconds, such as 60")
        return self


class Budget(Strict):
    """How much of a drop may be set aside: exceeded by more than ``lines`` that are also more than ``share``."""

    share: float = Field(ge=0, le=1)
    lines: int = Field(default=0, ge=0)

    def exceeded(self, quarantined: int, lines: int) -> bool:
        """Whether ``quarantined`` of ``lines`` data lines are too many."""
        return quarantined > self.lines and quarantined > self.share * lines
