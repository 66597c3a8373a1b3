"""``listings held|release|changes``: bars that look like another security's, and which security a symbol stands for."""

from __future__ import annotations

import getpass
import socket
from datetime import datetime
from typing import Annotated

import typer

from afterbell.cli.context import open_lake
from afterbell.cli.options import AsJson
from afterbell.cli.output import advising, print_json, print_text, report_errors
from afterbell.errors import ObjectMissingError
from afterbell.stores.artifacts import ArtifactStore

app = typer.Typer(
    help="Which security a symbol stands for: bars of another one that are held, renames, re-used symbols."
)


@app.command()
@report_errors
def held(as_json: AsJson = False) -> None:
    """List the symbols whose bars stay out of features and training until the vendor returns or a person says so."""
    from afterbell.ingest.listing_releases import read_holds  # noqa: PLC0415 - keeps --help fast

    with open_lake(quiet=as_json) as runtime:
        rows = [{name: _text(value) for name, value in row.items()} for row in read_holds(runtime)]
    if as_json:
        print_json(rows)
        return
    if not rows:
        print_text("no listing is held")
    for row in rows:
        closes = f"close {row['close_before']} before, {row['close']} then; {row['rests_on']}"
        print_text((str(row["symbol"]), "bold"), f"  from {row['ex_session']} on  {closes}")


@app.command()
@report_errors
def release(
    symbol: Annotated[str, typer.Argument(help="A symbol of `listings held`.")],
    session: Annotated[datetime, typer.Argument(formats=["%Y-%m-%d"], help="The session from which on it is held.")],
    reason: Annotated[str, typer.Option(help="Why: one line, stored permanently.")],
    as_json: AsJson = False,
) -> None:
    """Let held bars of a symbol count from the next run on."""
    from afterbell.ingest.listing_releases import read_holds, release_listing  # noqa: PLC0415

    with open_lake(quiet=as_json) as runtime:
        known = {(row["symbol"], row["ex_session"]) for row in read_holds(runtime)}
        by = f"{getpass.getuser()}@{socket.gethostname()}"
        with advising("Name a symbol and a session that are held: `./afterbell listings held`.", ObjectMissingError):
            given, done = release_listing(ArtifactStore(runtime.s3), known, symbol, session.date(), by, reason)
    if as_json:
        print_json(given.model_dump(mode="json") | {"changed": done})
        return
    print_text(f"bars of {given.symbol} from {given.session} on count from the next run on")
    if not done:
        print_text(f"(they were released before, by {given.by}: {given.reason})")


@app.command()
@report_errors
def changes(
    symbol: Annotated[str, typer.Argument(help="A symbol, now or before; all, if it is left out.")] = "",
    as_json: AsJson = False,
) -> None:
    """List renamed securities, and symbols that another security has taken."""
    from afterbell.lake.instruments import read_instruments  # noqa: PLC0415 - keeps --help fast

    with open_lake(quiet=as_json) as runtime:
        instruments = read_instruments(runtime, symbol)
    rows = [{name: _text(value) for name, value in row.items()} for row in instruments]
    if as_json:
        print_json(rows)
        return
    if not rows:
        print_text("no symbol has changed hands" if not symbol else f"{symbol} has not changed hands")
    for row in rows:
        since, until = row["first_session"] or "the beginning", row["last_session"] or "now"
        called = f" ({row['name']})" if row["name"] else ""
        before = f", before {row['predecessor']}" if row["predecessor"] else ""
        print_text((str(row["symbol"]), "bold"), f"  {row['instrument']}{called} from {since} to {until}{before}")


def _text(value: object) -> object:
    return value.isoformat() if hasattr(value, "isoformat") else value
