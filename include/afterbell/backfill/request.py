"""The request for a backfill, checked field by field; pure, and used by the form and by the command line."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date

from pydantic import field_validator

from afterbell.calendar.sessions import Exchange
from afterbell.config.loader import Strict
from afterbell.errors import ConfigError

STEPS = ("ingest", "features")
"""What can be filled, in this order. Whatever is ingested is audited (``validate``) before it counts."""
FACTOR_SETS = ("alpha158", "alpha360", "core", "cross_section", "fundamental")
"""The names of ``afterbell.features.sets``, which a form can't import: it takes seconds."""
CHUNK_SESSIONS, LONGEST_CHUNK = 250, 1000
"""A year, about: sessions that are committed together."""
SHORTEST_REASON, LONGEST_REASON = 10, 300
REASON = r"^[^\u0000-\u001f\u007f]+$(?!\n)"
"""One line of text with any content: it is stored and shown, and never becomes part of a command."""
ID = re.compile(r"[0-9]{8}-[0-9]{8}-[0-9a-f]{8}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class BackfillRequest(Strict):
    """A range of sessions to fill.

    Attributes:
        first: the first day; the first session on or after it is the first one filled.
        last: the last day.
        steps: some of ``STEPS``, in their order.
        factor_sets: some of ``FACTOR_SETS``; empty for those of the daily models.
        chunk_sessions: sessions that are committed together.
    """

    first: date
    last: date
    steps: tuple[str, ...] = STEPS
    factor_sets: tuple[str, ...] = ()
    chunk_sessions: int = CHUNK_SESSIONS

    @field_validator("steps", "factor_sets", mode="before")
    @classmethod
    def _from_json(cls, names: object) -> object:
        return tuple(names) if isinstance(names, list) else names

    @property
    def backfill_id(self) -> str:
        """The id; the same request has the same one, whatever its requester and reason. A segment of a path."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True)
        return f"{self.first:%Y%m%d}-{self.last:%Y%m%d}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


@dataclass(frozen=True)
class Chunk:
    """Sessions that are committed together.

    Attributes:
        number: from 1.
        sessions: of the exchange, ascending.
    """

    number: int
    sessions: tuple[date, ...]

    @property
    def first(self) -> date:
        """The first session."""
        return self.sessions[0]

    @property
    def last(self) -> date:
        """The last session."""
        return self.sessions[-1]


def chunks_of(request: BackfillRequest, exchange: Exchange) -> tuple[Chunk, ...]:
    """The chunks of a request, ascending."""
    sessions, size = exchange.between(request.first, request.last), request.chunk_sessions
    starts = range(0, len(sessions), size)
    return tuple(Chunk(start // size + 1, tuple(sessions[start : start + size])) for start in starts)


def check_request(fields: Mapping[str, object], exchange: Exchange, today: date) -> BackfillRequest:
    """The request that a form's or a command's fields make.

    Args:
        fields: ``first``, ``last`` (ISO days); ``steps``, ``factor_sets`` (names) and ``chunk_sessions``, which are
            all steps, the sets of the daily models and a year if left out.
        exchange: whose sessions are filled.
        today: the day of the request; history ends there.

    Raises:
        ConfigError: a field is wrong; the message says which, what was found, and gives a good value.
        CalendarBoundsError: the calendar does not reach the range.
    """
    first, last = check_day(fields.get("first"), "first"), check_day(fields.get("last"), "last")
    if first > last:
        raise ConfigError(f"first is {first} and last is {last}: first must not be after last; swap them")
    if last > today:
        raise ConfigError(f"last is {last}, after today ({today}): a backfill covers past sessions only")
    if not exchange.between(first, last):
        raise ConfigError(f"there is no session of {exchange.name} from {first} to {last}: give a longer range")
    return BackfillRequest(
        first=first,
        last=last,
        steps=check_names(fields.get("steps", STEPS), "steps", STEPS),
        factor_sets=check_names(fields.get("factor_sets") or (), "factor_sets", FACTOR_SETS, empty=True),
        chunk_sessions=check_size(fields.get("chunk_sessions", CHUNK_SESSIONS)),
    )


def check_day(given: object, name: str) -> date:
    """A day as a form sends it.

    Raises:
        ConfigError: it is not of the form YYYY-MM-DD.
    """
    with suppress(ValueError):
        if isinstance(given, str) and _DAY.fullmatch(given):
            return date.fromisoformat(given)
    raise ConfigError(f"{name} is {given!r}: give a day like 2015-03-23")


def check_names(given: object, name: str, known: Sequence[str], *, empty: bool = False) -> tuple[str, ...]:
    """Names out of a list that is known, each once, in the list's order.

    Raises:
        ConfigError: a name is unknown, or the list is empty and must not be.
    """
    if not isinstance(given, list | tuple) or not all(isinstance(item, str) for item in given):
        raise ConfigError(f"{name} is {given!r}: give a list of some of {', '.join(known)}")
    unknown = [item for item in given if item not in known]
    if unknown:
        raise ConfigError(f"{name}: {unknown[0]!r} is not known: use some of {', '.join(known)}")
    if not given and not empty:
        raise ConfigError(f"{name} is empty: give some of {', '.join(known)}")
    return tuple(item for item in known if item in given)


def check_reason(given: object) -> str:
    """The reason for a backfill: a line that others understand later.

    Raises:
        ConfigError: it is too short or too long, or is more than one line of text.
    """
    text = given.strip(" ") if isinstance(given, str) else ""
    if not SHORTEST_REASON <= len(text) <= LONGEST_REASON or not re.fullmatch(REASON, text):
        raise ConfigError(
            f"reason is {given!r}: give one line of {SHORTEST_REASON} to {LONGEST_REASON} characters that says why, "
            "such as 'the vendor delivered 2015 again'"
        )
    return text


def check_id(given: str) -> str:
    """The id of a backfill that somebody typed.

    Raises:
        ConfigError: no backfill can have it.
    """
    if not ID.fullmatch(given):
        raise ConfigError(f"backfill {given!r} is not known: an id is like 20150323-20160630-1a2b3c4d")
    return given


def check_size(given: object) -> int:
    """How many sessions are committed together.

    Raises:
        ConfigError: it is not a whole number within bounds.
    """
    if isinstance(given, bool) or not isinstance(given, int) or not 1 <= given <= LONGEST_CHUNK:
        raise ConfigError(f"chunk_sessions is {given!r}: give a whole number from 1 to {LONGEST_CHUNK}")
    return given
