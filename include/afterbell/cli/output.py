"""How the command line speaks: tables for people, JSON for programs, one clear message for a failure."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import typer
from rich.console import Console
from rich.table import Table

from afterbell.errors import AfterbellError, RetryableError

P = ParamSpec("P")
R = TypeVar("R")
EXIT_FAILED, EXIT_RETRY = 2, 3

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def _plain(value: object) -> object:
    if isinstance(value, Decimal):  # DuckDB's sums of whole numbers
        return int(value) if value == value.to_integral_value() else float(value)
    return value.isoformat() if isinstance(value, date | datetime) else str(value)


def print_json(value: object) -> None:
    """One JSON document on standard output, and nothing else."""
    sys.stdout.write(json.dumps(value, default=_plain, indent=2, allow_nan=False) + "\n")


def print_rows(rows: Sequence[Mapping[str, Any]], *, title: str = "") -> None:
    """Rows as a table, a column for each name that any of them has; numbers to the right."""
    if not rows:
        out.print(f"{title}: none" if title else "no rows")
        return
    table = Table(title=title or None, title_justify="left", header_style="bold")
    names = list(dict.fromkeys(name for row in rows for name in row))
    for name in names:
        value = next(row[name] for row in rows if name in row)
        table.add_column(name, justify="right" if isinstance(value, int | float) else "left", overflow="fold")
    for row in rows:
        table.add_row(*(_cell(row.get(name)) for name in names))
    out.print(table)


def print_fields(row: Mapping[str, Any]) -> None:
    """One row, a line a field."""
    width = max(len(name) for name in row)
    for name, value in row.items():
        out.print(f"{name:<{width}}  {_cell(value)}", markup=False)


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:,.6g}"
    return str(_plain(value))


def report_errors(command: Callable[P, R]) -> Callable[P, R]:
    """Turn a failure of ours into one message and an exit status, without a traceback.

    With ``--json`` the message is a JSON document on standard output.
    """

    @wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except AfterbellError as error:
            if kwargs.get("as_json"):
                print_json({"error": {"type": type(error).__name__, "message": str(error)}})
            err.print(f"[bold red]{type(error).__name__}[/]: ", end="")
            err.print(str(error), markup=False)
            raise typer.Exit(EXIT_RETRY if isinstance(error, RetryableError) else EXIT_FAILED) from error

    return wrapped
