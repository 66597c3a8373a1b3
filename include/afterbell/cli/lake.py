"""Questions to the lake: ``bars`` and ``query``; neither starts Spark."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

import typer

from afterbell.calendar.sessions import Exchange
from afterbell.cli.context import open_lake
from afterbell.cli.options import AsJson
from afterbell.cli.output import advising, err, print_fields, print_json, print_rows, print_text, report_errors
from afterbell.config.platform import load_platform
from afterbell.errors import MissingDropsError

_INGESTED = "SELECT min(session), max(session), count(DISTINCT symbol) FROM market.bars"


@report_errors
def bars(
    symbol: Annotated[str, typer.Option(help="Symbol, as the vendor writes it.")],
    session: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="The session the bar is about.")],
    as_of: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="As known at the end of that day; now, if left out.")
    ] = None,
    adjusted: Annotated[
        bool, typer.Option(help="In the shares and dollars of that day, with the return from the session before.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show one bar as it was known at the end of a day."""
    from afterbell.lake.bars import BarsQuery, adjusted_bar, bar_as_known  # noqa: PLC0415 - keeps --help fast

    question = BarsQuery(symbol, session.date(), as_of.date() if as_of else None)
    with open_lake(quiet=as_json) as runtime:
        exchange = Exchange(load_platform().exchange)
        bar = adjusted_bar(runtime, question, exchange) if adjusted else bar_as_known(runtime, question)
    if bar is None:
        known = f" as known at the end of {question.as_of}" if question.as_of else ""
        with advising(f"See what has been ingested: `./afterbell query '{_INGESTED}'`", MissingDropsError):
            raise MissingDropsError(f"market.bars has no bar of {symbol!r} for {session:%Y-%m-%d}{known}")
    print_json(bar) if as_json else print_fields(bar)


@report_errors
def query(
    sql: Annotated[str, typer.Argument(help="One SELECT over the lake's tables, such as market.bars.")],
    as_json: AsJson = False,
    limit: Annotated[int, typer.Option(min=1, help="Rows to print, without --json.")] = 50,
) -> None:
    """Query the lake in SQL (DuckDB's dialect), read-only."""
    from afterbell.lake.reader import query as run_query  # noqa: PLC0415 - keeps --help fast

    with open_lake(quiet=as_json) as runtime:
        table = run_query(runtime, sql)
    if as_json:
        print_json([_finite(row) for row in table.to_pylist()])
        return
    print_rows(table.slice(0, limit).to_pylist())
    if table.num_rows > limit:
        print_text(f"… {table.num_rows - limit:,} more rows; --limit shows them", console=err)


def _finite(row: Mapping[str, object]) -> dict[str, object]:
    # JSON knows no NaN: what is not a number is null.
    return {key: None if isinstance(value, float) and not math.isfinite(value) else value for key, value in row.items()}
