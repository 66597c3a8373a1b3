"""``drops refused|release``: drops that an audit refused, and letting one in."""

from __future__ import annotations

import getpass
import socket
from typing import Annotated

import typer

from afterbell.cli.context import stores
from afterbell.cli.output import out, print_json, report_errors
from afterbell.stores.artifacts import ArtifactStore

app = typer.Typer(help="Drops that an audit refused: which, why, and letting one in all the same.")
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]


@app.command()
@report_errors
def refused(
    everything: Annotated[bool, typer.Option("--all", help="Those that were released, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the drops that stay out until a person releases them or the vendor delivers others."""
    from afterbell.ingest.refusals import read_refusals  # noqa: PLC0415 - keeps --help fast

    with stores("s3", quiet=as_json) as opened:
        found = read_refusals(ArtifactStore(opened.runtime.s3))
    rows = [
        {"id": held.refusal.id, **held.refusal.model_dump(mode="json")}
        | {"released": held.release.model_dump(mode="json") if held.release else None}
        for held in found
        if everything or held.release is None
    ]
    if as_json:
        print_json(rows)
        return
    if not rows:
        out.print("no drop is refused")
    for row in rows:
        out.print(f"[bold]{row['id']}[/]  session {row['session']}  {row['source']}", end="  ")
        out.print(f"{row['store']} {row['key']}", markup=False)
        for reason in row["reasons"]:
            out.print(f"  {reason}", markup=False)
        out.print(f"  by the audit of run {row['run_id']}, {row['at']}", markup=False)
        if row["released"]:
            out.print(f"  released by {row['released']['by']}: {row['released']['reason']}", markup=False)


@app.command()
@report_errors
def release(
    refusal_id: Annotated[str, typer.Argument(help="An id of `drops refused`.")],
    reason: Annotated[str, typer.Option(help="Why: one line, kept for good.")],
    as_json: AsJson = False,
) -> None:
    """Let a refused drop be taken in by the next run, whatever the rules about whole sessions say of it."""
    from afterbell.ingest.refusals import release as let_in  # noqa: PLC0415

    with stores("s3", quiet=as_json) as opened:
        store = ArtifactStore(opened.runtime.s3)
        held, done = let_in(store, refusal_id, f"{getpass.getuser()}@{socket.gethostname()}", reason)
    if as_json:
        released = held.release.model_dump(mode="json") if held.release else None
        print_json({"id": held.refusal.id, "key": held.refusal.key, "released": released, "changed": done})
        return
    out.print(f"drop {held.refusal.key} of session {held.refusal.session} is taken in by the next run", markup=False)
    out.print(f"of its own session: ./afterbell run --session {held.refusal.session}", markup=False)
    if not done and held.release:
        out.print(f"(it was released before, by {held.release.by}: {held.release.reason})", markup=False)
