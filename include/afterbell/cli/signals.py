"""``signals``: the signals of a session, as they lie in the artifact store; Spark isn't started."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from io import BytesIO
from typing import TYPE_CHECKING, Annotated

import typer

from afterbell.cli.context import stores
from afterbell.cli.options import AsJson
from afterbell.cli.output import advising, print_json, print_rows, report_errors
from afterbell.errors import ConfigError, ObjectMissingError

if TYPE_CHECKING:
    from afterbell.stores.artifacts import ArtifactStore

_SEE = "Name a session and a release that have some, or run the session before: `./afterbell run --session DAY`."
_SHOWN = 10
"""Rows of each scorer in the table."""


@contextmanager
def _opened(*, quiet: bool) -> Iterator[ArtifactStore]:
    from afterbell.stores.artifacts import ArtifactStore  # noqa: PLC0415 - keeps --help fast

    with stores("s3", quiet=quiet) as opened:
        yield ArtifactStore(opened.runtime.s3)


@report_errors
def signals(
    session: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="The session that is traded; the newest with signals, if left out."),
    ] = None,
    release: Annotated[
        str | None, typer.Option(help="Of which release; the one that scored last, if left out.")
    ] = None,
    horizon: Annotated[int | None, typer.Option(min=1, help="Of this horizon alone, in sessions.")] = None,
    family: Annotated[str | None, typer.Option(help="Of this family alone, or `blend`.")] = None,
    top: Annotated[
        int | None, typer.Option(min=1, help="The best rows of each scorer alone; 10, if left out without --json.")
    ] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="The stored CSV file on standard output, whole.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show the signals for a session: the best of the universe first, with --json or --csv all of them."""
    import polars as pl  # noqa: PLC0415 - keeps --help fast

    from afterbell.calendar.sessions import Exchange  # noqa: PLC0415
    from afterbell.config.platform import load_platform  # noqa: PLC0415
    from afterbell.scoring.stored import find_release, newest_session, read_export  # noqa: PLC0415

    if as_csv and (as_json or horizon or family or top):
        raise ConfigError("--csv is the stored file, whole: give it without --json, --horizon, --family and --top")
    # First, since a day that is no session needs no store.
    wanted = Exchange(load_platform().exchange).require(session.date()) if session else None
    with _opened(quiet=as_json or as_csv) as store, advising(_SEE, ObjectMissingError):
        day = wanted or newest_session(store)
        release_id = find_release(store, day, release)
        body = read_export(store, day, release_id, "csv" if as_csv else "parquet")
    if as_csv:
        sys.stdout.write(body.decode())
        return
    chosen = {"horizon": horizon, "family": family}
    keep = [pl.col(name) == value for name, value in chosen.items() if value is not None]
    rows = pl.read_parquet(BytesIO(body)).filter(*keep)
    if rows.is_empty():
        named = ", ".join(f"{name} {value}" for name, value in chosen.items() if value is not None)
        raise ConfigError(f"the signals of release {release_id} for session {day} have none of {named}")
    if as_json and top is None:
        print_json(rows.to_dicts())
        return
    best = rows.sort(
        "horizon", "family", "universe_rank", "symbol", descending=[False, False, True, False], nulls_last=True
    )
    shown = best.group_by("horizon", "family", maintain_order=True).head(top or _SHOWN)
    if as_json:
        print_json(shown.to_dicts())
        return
    columns = ("horizon", "family", "symbol", "universe_rank", "rank", "expected_return", "confidence")
    state = " (provisional)" if rows["provisional"][0] else ""
    title = f"signals for session {day} by release {release_id}{state}, data of {rows['as_of'][0]}"
    print_rows(shown.select(columns).to_dicts(), title=title)
