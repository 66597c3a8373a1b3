"""``quality``: the newest quality report of a session; Spark isn't started."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

import typer

from afterbell.cli.context import stores
from afterbell.cli.output import out, print_json, print_rows, report_errors
from afterbell.errors import ObjectMissingError

_MOST = 15


@report_errors
def quality(
    session: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="The session that was run; the latest that has a report, if left out."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")] = False,
) -> None:
    """Show what an ingest run brought, what was set aside and why, and what was found odd."""
    from afterbell.quality.stored import newest_report  # noqa: PLC0415 - keeps --help fast
    from afterbell.stores.artifacts import ArtifactStore  # noqa: PLC0415

    with stores("s3", quiet=as_json) as opened:
        found = newest_report(ArtifactStore(opened.runtime.s3), session.date() if session else None)
    if found is None:
        of = f"of session {session:%Y-%m-%d}" if session else "of any session"
        raise ObjectMissingError(f"there is no quality report {of}: run it first, ./afterbell run --session ...")
    print_json(found) if as_json else _print(found)


def _print(found: Mapping[str, Any]) -> None:
    verdict = "[bold green]passed[/]" if found["passed"] else "[bold red]failed[/]"
    out.print(f"[bold]session {found['session']}[/], run {found['run_id']}: {verdict}, ", end="")
    out.print(f"{found['expectations']} expectations", markup=False)
    for word, style in (("failed", "red"), ("warnings", "yellow")):
        for line in found[word]:
            out.print(f"[{style}]{word}[/]: ", end="")
            out.print(line, markup=False)
    print_rows(_few(found["drops"]["by_state"]), title="drops")
    print_rows(_few(found["drops"]["with_reasons"]), title="drops with a remark")
    aside = [{name: line[name] for name in ("rule", "lines", "drops")} for line in found["quarantine"]]
    print_rows(_few(aside), title="lines set aside")
    shown = ("rule", "fact", "value", "min", "max", "kept")
    print_rows([{name: line[name] for name in shown} for line in found["facts"]], title="the session as a whole")
    print_rows(_few(found["actions"]["by_kind"]), title="corporate actions")
    print_rows(_few(found["moves"]), title="largest remaining moves")
    print_rows(_few(found["jumps"]["held"]), title="jumps held until the next drop")
    print_rows(_few(found["jumps"]["confirmed"]), title="jumps told again")
    print_rows(_few(found["stale"]["runs"]), title="bars that repeat the one before them")
    out.print(f"Data Docs: {found['data_docs']}", markup=False)


def _few(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return rows[:_MOST]
