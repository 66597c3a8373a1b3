"""Parses the key of an object: its source, its session and its symbol. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime

from afterbell.config.patterns import compile_key_pattern

SESSION, SYMBOL = "session", "symbol"
"""Groups of a key pattern that have a meaning."""


def check_session_format(value: str) -> str:
    """Return ``value``, if it writes a day.

    Raises:
        ValueError: it doesn't; the message has a good one.
    """
    day = datetime(2016, 11, 30, tzinfo=UTC)
    try:
        read = datetime.strptime(day.strftime(value), value).replace(tzinfo=UTC)
    except ValueError as error:
        raise ValueError(f"is not a format of a day ({error}); write one such as %Y%m%d") from error
    if read != day:
        raise ValueError("must contain year, month and day, such as %Y%m%d or %Y-%m-%d")
    return value


def groups_of(pattern: str) -> frozenset[str]:
    """The names of a key pattern's groups.

    Raises:
        ValueError: it is not a regular expression.
    """
    return frozenset(compile_key_pattern(pattern).groupindex)


def is_passed_over(key: str, include: Sequence[str], exclude: Sequence[str]) -> bool:
    """Whether an object is left alone by its key: excluded, or not among those that are included."""
    if any(re.fullmatch(pattern, key) for pattern in exclude):
        return True
    return bool(include) and not any(re.fullmatch(pattern, key) for pattern in include)


def session_in(groups: Mapping[str, str | None], session_format: str) -> date | None:
    """The session that a key's groups name; None where they name none."""
    try:
        return datetime.strptime(groups[SESSION] or "", session_format).replace(tzinfo=UTC).date()
    except (KeyError, ValueError):
        return None


def in_case(symbol: str, case: str) -> str:
    """A symbol in the letters that the source declares."""
    return symbol.upper() if case == "upper" else symbol
