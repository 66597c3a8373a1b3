"""A person's decisions about corporate actions: ``include/config/overrides.yaml``. Pure, except for the read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from datetime import UTC, date, datetime
from typing import Any, Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from afterbell.calendar.sessions import Exchange
from afterbell.config.loader import Strict, config_folder, load_yaml
from afterbell.errors import CalendarBoundsError, ConfigError, NotASessionError

FILE = "overrides.yaml"
PREFIX = "overrides:"
"""What the ``drop_id`` of a decision's row begins with."""
VENDOR, NONE = "vendor", "none"
_PRINTABLE = r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]+$"
_SYMBOL = r"^[^\s\x00-\x1f\x7f-\x9f]+$"
_INSTANT = "expected an instant with its zone, such as 2015-04-28T09:00:00-04:00"
_GOOD = "expected none, vendor, or a factor and its kind, such as {factor: 0.5, kind: split}"


class Adjustment(Strict):
    """The adjustment that takes effect.

    Attributes:
        factor: a price before the ex-session times this compares with later ones.
        kind: ``split``, the number of shares changes; or ``dividend``, something is paid out.
    """

    factor: float = Field(ge=1e-6, le=1e6, allow_inf_nan=False)
    kind: Literal["split", "dividend"]

    @model_validator(mode="after")
    def _changes_something(self) -> Adjustment:
        if self.factor == 1:
            raise ValueError("factor 1 adjusts nothing; write action: none")
        if self.kind == "dividend" and self.factor > 1:
            raise ValueError(f"a dividend's factor lies below 1, found {self.factor:g}; above 1 write kind: split")
        return self


class Decision(Strict):
    """A person's decision about what takes effect on one session.

    Attributes:
        symbol: as the vendor writes it.
        ex_session: the session on which the action takes effect, or doesn't.
        decided: the instant from which the decision is known, UTC.
        by: who decided.
        reason: why, in a line.
        action: what takes effect; ``none``; or ``vendor``, what the evidence shows counts again.
    """

    symbol: str = Field(min_length=1, max_length=40, pattern=_SYMBOL)
    ex_session: date
    decided: datetime
    by: str = Field(min_length=1, max_length=300, pattern=_PRINTABLE)
    reason: str = Field(min_length=3, max_length=500, pattern=_PRINTABLE)
    action: Adjustment | Literal["none", "vendor"]

    @field_validator("symbol", mode="before")
    @classmethod
    def _is_text(cls, value: Any) -> Any:
        if not isinstance(value, str):  # YAML reads ON, NO and TRUE as truth values, 7203 as a number
            raise ValueError("expected text; write the symbol in quotes, such as 'ON'")  # noqa: TRY004 - pydantic's
        return value

    @field_validator("ex_session", mode="before")
    @classmethod
    def _is_a_day(cls, value: Any) -> Any:
        if isinstance(value, datetime) or not isinstance(value, date | str):
            raise ValueError("expected a day, such as 2015-04-27")  # noqa: TRY004 - pydantic's
        return value

    @field_validator("decided", mode="before")
    @classmethod
    def _is_an_instant(cls, value: Any) -> Any:
        if not isinstance(value, datetime | str):
            raise ValueError(_INSTANT)  # noqa: TRY004 - pydantic's
        return value

    @field_validator("decided")
    @classmethod
    def _has_a_zone(cls, value: datetime) -> datetime:
        if value.tzinfo is None:
            raise ValueError(_INSTANT)
        return value.astimezone(UTC)

    @field_validator("action", mode="plain")
    @classmethod
    def _is_one_of_three(cls, value: Any) -> Any:
        if isinstance(value, Adjustment) or value in (NONE, VENDOR):
            return value
        if not isinstance(value, dict):
            raise ValueError(_GOOD)  # noqa: TRY004 - pydantic's
        try:
            return Adjustment.model_validate(value)
        except ValidationError as error:
            wrong = (f"{'.'.join(map(str, fault['loc'])) or 'action'}: {fault['msg']}" for fault in error.errors())
            raise ValueError(f"{'; '.join(wrong)} ({_GOOD})") from error

    @property
    def drop_id(self) -> str:
        """The id of its row: a digest of its content."""
        action = self.action if isinstance(self.action, str) else [self.action.factor, self.action.kind]
        content = [self.symbol, self.ex_session.isoformat(), self.decided.isoformat(), self.by, self.reason, action]
        text = json.dumps(content)
        return PREFIX + hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def key(self) -> tuple[str, date]:
        """Symbol and ex-session."""
        return self.symbol, self.ex_session


class Overrides(Strict):
    """The file.

    Attributes:
        overrides: decisions, in any order; of several about one symbol and ex-session the latest counts.
    """

    overrides: tuple[Decision, ...] = ()

    @field_validator("overrides", mode="before")
    @classmethod
    def _may_be_empty(cls, value: Any) -> Any:
        return () if value is None else value

    @model_validator(mode="after")
    def _one_at_a_time(self) -> Overrides:
        keys = [(*decision.key, decision.decided) for decision in self.overrides]
        repeated = sorted({key for key in keys if keys.count(key) > 1})
        if repeated:
            symbol, session, decided = repeated[0]
            raise ValueError(
                f"overrides: two decisions about {symbol} {session} of one instant, {decided.isoformat()}: give the "
                "one that counts a later `decided`"
            )
        return self


def load_overrides(exchanges: Collection[str]) -> tuple[Decision, ...]:
    """All decisions, by the instant from which they count; none where the file is missing.

    Args:
        exchanges: whose sessions an ex-session may be (ISO 10383 codes).

    Raises:
        ConfigError: a key is wrong, or an ex-session is no session.
    """
    path = config_folder() / FILE
    if not path.exists():
        return ()
    decisions = load_yaml(path, Overrides, bare="overrides").overrides
    for number, decision in enumerate(decisions):
        wrong = _no_session(decision.ex_session, exchanges)
        if wrong:
            raise ConfigError(f"{path}: overrides.{number}.ex_session: {wrong}; correct the day")
    return tuple(sorted(decisions, key=lambda decision: (decision.decided, decision.symbol, decision.ex_session)))


def _no_session(day: date, exchanges: Collection[str]) -> str:
    """Why ``day`` is not a session of any of the exchanges; empty where it is one."""
    reasons = []
    for name in sorted(exchanges):
        try:
            Exchange(name).require(day)
        except (NotASessionError, CalendarBoundsError) as error:
            reasons.append(str(error))
        else:
            return ""
    return "; ".join(reasons)
