"""Output of the command line: text and tables for people, JSON for programs, what to do after a failure.

On a terminal lines wrap between words. In a pipe or a file a line is as long as its text, for grep and for logs;
``COLUMNS`` sets a width there too.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from functools import wraps
from typing import ParamSpec, TypeVar

import typer
from rich.console import Console
from rich.text import Text

from afterbell.cli.layout import columns_of, records, table_lines, wrap
from afterbell.errors import AfterbellError, ConfigError, RetryableError
from afterbell.remedies import remedy

P = ParamSpec("P")
R = TypeVar("R")
EXIT_FAULT, EXIT_FAILED, EXIT_RETRY = 1, 2, 3
_KIND = re.compile(r"\b([A-Z][A-Za-z]+Error): ")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""Control characters that a terminal would obey: a vendor's lines may have them; they are shown as a question mark."""
_TYPED = "Correct what the message names, then type the command again."
_UNKNOWN = "Read the message; `./afterbell doctor` looks at everything that a run needs."

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def _plain(value: object) -> object:
    if isinstance(value, Decimal):  # DuckDB's sums of whole numbers
        return int(value) if value == value.to_integral_value() else float(value)
    return value.isoformat() if isinstance(value, date | datetime) else str(value)


def print_json(value: object) -> None:
    """One JSON document on standard output, and nothing else."""
    sys.stdout.write(json.dumps(value, default=_plain, indent=2, allow_nan=False) + "\n")


def line_width(console: Console) -> int | None:
    """Columns that lines must fit; None if they may have any length."""
    return console.width if console.is_terminal or os.environ.get("COLUMNS", "").isdigit() else None


def print_text(*parts: str | tuple[str, str], hang: int = 2, console: Console = out, style: str = "") -> None:
    """Text for people, each of its lines wrapped between words.

    Args:
        parts: texts, or texts with their rich styles; markup in them is shown as it is.
        hang: columns by which what is wrapped is indented.
        console: ``out`` or ``err``.
        style: of all parts.
    """
    width = line_width(console)
    shown = [_visible(part) if isinstance(part, str) else (_visible(part[0]), part[1]) for part in parts]
    for line in Text.assemble(*shown, style=style).split("\n", allow_blank=True):
        for piece in [line] if width is None else wrap(line, width, hang):
            console.print(piece, no_wrap=True, crop=False, overflow="ignore")


def print_label(label: str, text: str, *, width: int = 11) -> None:
    """A bold label, and its text beside it."""
    print_text((f"{label:<{width}}", "bold"), text, hang=width)


def print_progress(message: str) -> None:
    """One line about what is going on, on standard error."""
    print_text(message, console=err, style="dim")


def print_rows(rows: Sequence[Mapping[str, object]], *, title: str = "") -> None:
    """Rows as a table, a column for each name that any of them has; numbers to the right.

    Where the terminal is too narrow for that, a line a field.
    """
    if not rows:
        out.print(f"{title}: none" if title else "no rows")
        return
    names = columns_of(rows)
    cells = [[" ".join(_cell(row.get(name)).split("\n")) for name in names] for row in rows]
    numbers = {name for name in names if _is_number(next((row[name] for row in rows if row.get(name) is not None), ""))}
    if title:
        print_text((title, "italic"))
    lines = table_lines(names, cells, numbers, line_width(out))
    if lines is not None:
        for line in lines:
            out.print(line, no_wrap=True, crop=False, overflow="ignore")
        return
    for label, text in records(names, cells):
        print_text((label, "bold"), text, hang=len(label))


def by_figure(metrics: Mapping[str, Mapping[str, object]]) -> list[dict[str, object]]:
    """Figures of several horizons as rows: one for each figure that is a number, a column for each horizon."""
    numbers = {
        key: {name: value for name, value in values.items() if _is_number(value)} for key, values in metrics.items()
    }
    names = dict.fromkeys(name for values in numbers.values() for name in values)
    return [{"figure": name} | {key: values.get(name) for key, values in numbers.items()} for name in names]


def print_fields(row: Mapping[str, object]) -> None:
    """One row, a line a field."""
    width = max(len(name) for name in row) + 2
    for name, value in row.items():
        print_text(f"{name:<{width}}", _cell(value), hang=width)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:,.6g}"
    return _visible(str(_plain(value))).expandtabs(4)


def _visible(text: str) -> str:
    return _CONTROL.sub("?", text)


@contextmanager
def advising(what_to_do: str, *kinds: type[AfterbellError]) -> Iterator[None]:
    """Give failures of a block advice of their own, where that of their kind would mislead; the innermost block wins.

    Args:
        what_to_do: in one or two sentences, such as: name one that is there.
        kinds: of the failures.
    """
    try:
        yield
    except kinds as error:
        error.add_note(what_to_do)
        raise


def advice(error: AfterbellError) -> str:
    """The advice for a failure: its own, or that of its class; for a step that of the error which it names."""
    notes = getattr(error, "__notes__", ())
    if notes:
        return str(notes[0])
    if type(error) is ConfigError:
        return _TYPED
    named = [kind for kind in _KIND.findall(str(error)) if remedy(kind)]
    return remedy(named[0] if named else type(error).__name__) or _UNKNOWN


def print_failure(kind: str, message: str, what_to_do: str, *, as_json: bool) -> None:
    """A failure on standard error, what to do in its last line; with ``as_json`` also as JSON on standard output."""
    if as_json:
        print_json({"error": {"type": kind, "message": message, "what_to_do": what_to_do}})
    print_text((f"{kind}: ", "bold red"), message, console=err)
    print_text(("What to do: ", "bold"), what_to_do, console=err)


def report_errors(command: Callable[P, R]) -> Callable[P, R]:
    """Turn an error of the project into one message and an exit status, without a traceback.

    With ``--json`` the message is a JSON document on standard output.
    """

    @wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except AfterbellError as error:
            print_failure(type(error).__name__, str(error), advice(error), as_json=bool(kwargs.get("as_json")))
            raise typer.Exit(EXIT_RETRY if isinstance(error, RetryableError) else EXIT_FAILED) from error

    return wrapped
