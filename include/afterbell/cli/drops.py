"""``drops refused|release``: drops that an audit refused, and letting one in."""

from __future__ import annotations

import getpass
import socket
from typing import Annotated

import typer

from afterbell.cli.context import stores
from afterbell.cli.options import AsJson
from afterbell.cli.output import advising, print_json, print_text, report_errors
from afterbell.errors import ObjectMissingError
from afterbell.stores.artifacts import ArtifactStore

app = typer.Typer(help="Drops that an audit refused: which, why, and releasing one.")


@app.command()
@report_errors
def refused(
    everything: Annotated[bool, typer.Option("--all", help="Also those that were released.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the drops that stay out until a person releases them or the vendor delivers others."""
    from afterbell.ingest.refusals import read_refusals  # noqa: PLC0415 - keeps --help fast

    with stores("s3", quiet=as_json) as opened:
        refusals = read_refusals(ArtifactStore(opened.runtime.s3))
    rows = [
        {"id": held.refusal.id, **held.refusal.model_dump(mode="json")}
        | {"released": held.release.model_dump(mode="json") if held.release else None}
        for held in refusals
        if everything or held.release is None
    ]
    if as_json:
        print_json(rows)
        return
    if not rows:
        print_text("no drop is refused")
    for row in rows:
        print_text((row["id"], "bold"), f"  session {row['session']}  {row['source']}  {row['store']} {row['key']}")
        for reason in row["reasons"]:
            print_text(f"  {reason}")
        print_text(f"  by the audit of run {row['run_id']}, {row['at']}")
        if row["released"]:
            print_text(f"  released by {row['released']['by']}: {row['released']['reason']}")


@app.command()
@report_errors
def release(
    refusal_id: Annotated[str, typer.Argument(help="An id of `drops refused`.")],
    reason: Annotated[str, typer.Option(help="Why: one line, stored permanently.")],
    as_json: AsJson = False,
) -> None:
    """Release a refused drop: the next run ingests it despite the rules about whole sessions."""
    from afterbell.ingest.refusals import release as let_in  # noqa: PLC0415

    with stores("s3", quiet=as_json) as opened:
        store = ArtifactStore(opened.runtime.s3)
        with advising("Name a drop that is refused: `./afterbell drops refused`.", ObjectMissingError):
            held, done = let_in(store, refusal_id, f"{getpass.getuser()}@{socket.gethostname()}", reason)
    if as_json:
        released = held.release.model_dump(mode="json") if held.release else None
        print_json({"id": held.refusal.id, "key": held.refusal.key, "released": released, "changed": done})
        return
    print_text(f"drop {held.refusal.key} of session {held.refusal.session} is taken in by the next run")
    print_text(f"of its own session: ./afterbell run --session {held.refusal.session}")
    if not done and held.release:
        print_text(f"(it was released before, by {held.release.by}: {held.release.reason})")
