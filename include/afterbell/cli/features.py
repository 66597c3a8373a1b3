"""``features``: what is stored of each factor set, and what a run would compute; Spark isn't started."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from afterbell.cli.completion import factor_sets
from afterbell.cli.context import open_lake
from afterbell.cli.options import AsJson
from afterbell.cli.output import print_json, print_rows, print_text, report_errors


@report_errors
def features(
    names: Annotated[
        list[str] | None,
        typer.Option(
            "--set", help="A factor set; may be given several times. All, if left out.", autocompletion=factor_sets
        ),
    ] = None,
    session: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="The last session that counts; that of the newest bar, if left out."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show the sessions stored of each factor set, and the plan that would fill those that are missing."""
    from afterbell.calendar.sessions import Exchange  # noqa: PLC0415 - keeps --help fast
    from afterbell.config.platform import load_platform  # noqa: PLC0415
    from afterbell.features.sets import SETS, factor_set  # noqa: PLC0415
    from afterbell.features.status import bars_due, status, unseen_of  # noqa: PLC0415

    sets = [factor_set(name) for name in names or sorted(SETS)]
    exchange = Exchange(load_platform().exchange)
    with open_lake(quiet=as_json) as runtime:
        due = bars_due(runtime, exchange, session.date() if session else None)
        unseen = unseen_of(runtime, exchange, due)
        statuses = [status(runtime, factors, exchange, due, unseen).as_dict() for factors in sets]
    if as_json:
        print_json(statuses)
        return
    shown = ("set", "factors", "stored", "missing", "first", "last", "rows")
    rows = [{name: row[name] for name in shown} | {"unseen": len(row["crossing"])} for row in statuses]  # type: ignore[arg-type]
    print_rows(rows, title="sessions of each factor set")
    if unseen:
        print_text(f"no corporate action could be seen of: {', '.join(day.isoformat() for day in sorted(unseen))}")
