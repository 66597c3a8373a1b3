"""Regular expressions of configuration files: each is compiled by the engines that run it when its file is loaded.

A row's value meets Polars' engine (Rust's ``regex``) at ingest, and Python's or Java's in the audit.
"""

from __future__ import annotations

import re
import warnings

_SET = re.compile(r"\[\^?\]?(?:\\.|[^\]\\])*\]")
_ONLY_SOMEWHERE = re.compile(r"\(\?(?!:)|[*+?}]\+|\\[1-9]")
"""Groups other than ``(?:...)``, backreferences and possessive repeats: engines differ over them."""


def compile_key_pattern(pattern: str) -> re.Pattern[str]:
    """Compile a pattern that only Python runs.

    Raises:
        ValueError: it is not a regular expression; the message has the engine's reason.
    """
    try:
        return re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"is not a regular expression of Python's re ({error})") from error


def check_value_pattern(pattern: str) -> str:
    """Return ``pattern``, if every engine that runs it over values takes it and reads it alike.

    Raises:
        ValueError: it doesn't; the message has the reason of the engine that refuses it.
    """
    for text in (pattern, f"^(?:{pattern})$"):  # the second is what is run: a bracket must not close the group
        _check_by_polars(text)
        _check_by_re(text)
    match = _ONLY_SOMEWHERE.search(_SET.sub("", pattern))
    if match:
        raise ValueError(
            f"has {match[0]!r}, which Polars, Python and Java don't all read alike; write plain sets, repeats and "
            "(?:...) groups, such as [A-Z]{1,5}"
        )
    return pattern


def _check_by_polars(pattern: str) -> None:
    try:
        import polars as pl  # noqa: PLC0415 - Airflow's environment has none, and runs no pattern over values
    except ImportError:
        return
    try:
        pl.Series([""]).str.contains(pattern)
    except pl.exceptions.PolarsError as error:
        lines = str(error).strip().split("\n")
        reason = next((line.removeprefix("error: ") for line in lines if line.startswith("error: ")), lines[0])
        raise ValueError(f"is not a regular expression of Polars, which runs it ({reason})") from error


def _check_by_re(pattern: str) -> None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", FutureWarning)  # of a set that will mean something else
            re.compile(pattern)
    except (re.error, OverflowError, RecursionError, FutureWarning) as error:
        raise ValueError(f"is not a regular expression of Python's re, which the audit runs ({error})") from error
