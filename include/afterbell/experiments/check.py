"""Checks of the form of an experiment: every field, the fields together, and the sessions that there are."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from afterbell.calendar.sessions import Exchange
from afterbell.calendar.span import Span
from afterbell.cluster.profile import load_profile
from afterbell.errors import CalendarBoundsError, ConfigError, NotASessionError
from afterbell.experiments.request import (
    FACTOR_SETS,
    ExperimentRequest,
    disorder,
    find_faults,
    missing_folds,
    parse_request,
)
from afterbell.training.spec import ModelSpec

ASIDE = ("note", "promote", "profile")
"""Fields without influence on the outcome: the same experiment under another note is the same."""
LONGEST_NOTE = 400
_LINE = re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029]*")
_PROFILE = re.compile(r"([a-z0-9][a-z0-9-]{0,59})?")


@dataclass(frozen=True)
class World:
    """What a form is checked against.

    Attributes:
        exchange: whose sessions count.
        base: the model specification.
        now: the time, with its zone.
        span: the sessions that there are bars of; None where that is not known.
    """

    exchange: Exchange
    base: ModelSpec
    now: datetime
    span: Span | None = None

    def sessions(self, first: date, last: date) -> list[date]:
        """The sessions of a range that there may be bars of, ascending.

        Raises:
            CalendarBoundsError: the calendar does not reach the range.
        """
        if self.span is not None:
            first, last = max(first, self.span.first), min(last, self.span.last)
        return self.exchange.between(first, last) if first <= last else []


def form_faults(params: Mapping[str, object], world: World) -> dict[str, str]:
    """What is wrong with a form, a sentence each by the field's name; empty where it can be started."""
    fields = {name: value for name, value in params.items() if name not in ASIDE}
    faults = find_faults(fields)
    if not faults:
        faults = _request_faults(parse_request(fields), world)
    else:  # faults of the days are reported at once, whatever else is wrong
        first, last = (_day(fields.get(name)) if name not in faults else None for name in ("first", "last"))
        wrong = {"first": disorder(first, last)} if first and last and first >= last else {}
        faults = _day_faults(first, last, world) | wrong | faults
    return faults | _aside_faults(params)


def _day(given: Any) -> date | None:
    try:
        return given if isinstance(given, date) else date.fromisoformat(str(given))
    except ValueError:
        return None


def _request_faults(request: ExperimentRequest, world: World) -> dict[str, str]:
    from afterbell.training.search.trials import require_spaces  # noqa: PLC0415 - parsing a DAG file checks nothing

    faults = _day_faults(request.first, request.last, world)
    # Not a rule of the request: a driver knows sets that this version's form doesn't offer.
    if unknown := [name for name in request.factor_sets if name not in FACTOR_SETS]:
        faults["factor_sets"] = f"{unknown[0]!r} is not one of {', '.join(FACTOR_SETS)}"
    try:
        require_spaces(request.spec(world.base))
    except ConfigError as error:
        faults |= {"families" if request.trials == 1 else "trials": str(error)}
    if {"first", "last"} & set(faults):
        return faults
    missing = missing_folds(request, world.base, len(world.sessions(request.first, request.last)))
    return faults | ({"first": missing} if missing else {})


def _day_faults(first: date | None, last: date | None, world: World) -> dict[str, str]:
    """The days against the exchange's calendar, the clock and the data; None for one that is wrong by itself."""
    faults = {"first": _first_fault(first, world) if first else "", "last": _last_fault(last, world) if last else ""}
    return {name: text for name, text in faults.items() if text}


def _first_fault(first: date, world: World) -> str:
    try:
        world.exchange.between(first, first)
    except CalendarBoundsError as error:
        return str(error)
    if world.span and first < world.span.first:
        return f"{first} lies before the data: the first session there is is {world.span.first}; give it or a later day"
    return ""


def _last_fault(last: date, world: World) -> str:
    try:
        world.exchange.require(last)
        closed = world.exchange.last_closed(world.now)
    except (NotASessionError, CalendarBoundsError) as error:
        return str(error)
    if last > closed:
        return f"{last} is not over yet: the last session that has closed is {closed}; give it or an earlier one"
    if world.span and last > world.span.last:
        return f"there are no bars of {last}: the last session there is is {world.span.last}; give it or an earlier one"
    return ""


def _aside_faults(params: Mapping[str, object]) -> dict[str, str]:
    faults = {}
    note, profile, promote = params.get("note") or "", params.get("profile") or "", params.get("promote", False)
    if not isinstance(note, str) or len(note) > LONGEST_NOTE or not _LINE.fullmatch(note):
        faults["note"] = f"expected one line of {LONGEST_NOTE} characters at most; found {note!r:.120}"
    if not isinstance(promote, bool):
        faults["promote"] = f"expected true or false; found {promote!r:.80}"
    if not isinstance(profile, str) or not _PROFILE.fullmatch(profile):
        faults["profile"] = f"expected the name of a file in include/config/clusters, or nothing; found {profile!r:.80}"
    elif profile:
        try:
            load_profile(profile)
        except ConfigError as error:
            faults["profile"] = " ".join(str(error).split())
    return faults


@dataclass(frozen=True)
class Aside:
    """What a form has beside the request: what it is for, whether it may be promoted, and the cluster profile."""

    note: str
    promote: bool
    profile: str


def aside_of(params: Mapping[str, object]) -> Aside:
    """``note``, ``promote`` and ``profile`` of a form without faults."""
    return Aside(
        note=str(params.get("note") or ""),
        promote=bool(params.get("promote", False)),
        profile=str(params.get("profile") or ""),
    )
