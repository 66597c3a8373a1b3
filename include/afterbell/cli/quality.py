"""``quality``: the newest quality report of a session; Spark isn't started."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from afterbell.cli.context import stores
from afterbell.cli.options import AsJson
from afterbell.cli.output import advising, print_json, print_rows, print_text, report_errors
from afterbell.errors import ObjectMissingError

if TYPE_CHECKING:
    from afterbell.quality.report_document import QualityReport

_MOST = 15
_MOVE = ("symbol", "session", "close_before", "close", "return", "reason")


@report_errors
def quality(
    session: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="The session that was run; the latest that has a report, if left out."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what a run ingested, what it quarantined and why, and what looks odd."""
    from afterbell.quality.report_store import newest_report  # noqa: PLC0415 - keeps --help fast
    from afterbell.stores.artifacts import ArtifactStore  # noqa: PLC0415

    with stores("s3", quiet=as_json) as opened:
        report = newest_report(ArtifactStore(opened.runtime.s3), session.date() if session else None)
    if report is None:
        of = f"of session {session:%Y-%m-%d}" if session else "of any session"
        day = f"{session:%Y-%m-%d}" if session else "2026-06-30"
        with advising(f"Run the session first: `./afterbell run --session {day}`", ObjectMissingError):
            raise ObjectMissingError(f"there is no quality report {of}")
    print_json(report.to_json()) if as_json else _print_report(report)


def _print_report(report: QualityReport) -> None:
    verdict = ("passed", "bold green") if report.passed else ("failed", "bold red")
    print_text((f"session {report.session}", "bold"), f", run {report.run_id}: ", verdict,
               f", {report.expectations} expectations")  # fmt: skip
    for word, lines, style in (("failed", report.failed, "red"), ("warnings", report.warnings, "yellow")):
        for line in lines:
            print_text((word, style), f": {line}")
    facts = [fact.model_dump() for fact in report.facts]
    tables: tuple[tuple[str, Sequence[Mapping[str, object]], tuple[str, ...]], ...] = (
        ("drops", report.drops.by_state, ()),
        ("drops with a remark", report.drops.with_reasons, ("key", "session", "state", "reason")),
        ("lines set aside", [rejected.model_dump() for rejected in report.quarantine], ("rule", "lines", "drops")),
        ("the session as a whole", facts, ("rule", "fact", "value", "min", "max", "kept")),
        ("corporate actions", report.actions.by_kind, ()),
        ("largest remaining moves", report.moves, _MOVE),
        ("jumps held until the next drop", report.jumps.held, ()),
        ("jumps delivered again", report.jumps.confirmed, ()),
        ("bars that repeat the one before them", report.stale.runs, ()),
    )
    for title, rows, names in tables:
        print_text("")
        _print_few(rows, names, title)
    print_text("")
    print_text(f"Data Docs: {report.data_docs}")


def _print_few(rows: Sequence[Mapping[str, object]], names: tuple[str, ...], title: str) -> None:
    """The first rows, of which the columns ``names``, or all of them."""
    few = [{name: row.get(name) for name in names or row} for row in rows[:_MOST]]
    print_rows(few, title=title)
    if len(rows) > _MOST:
        print_text(f"… {len(rows) - _MOST:,} more; --json has all")
