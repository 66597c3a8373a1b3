"""``release list|show|verify|rollback|promote|history``."""

from __future__ import annotations

import getpass
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from afterbell.cli.context import stores
from afterbell.cli.options import AsJson
from afterbell.cli.output import advising, by_figure, err, print_json, print_rows, print_text, report_errors
from afterbell.errors import ConfigError, DigestMismatchError, ObjectMissingError, UnprovenPointerError
from afterbell.run.contracts.models import ScorerMetrics
from afterbell.stores.artifacts import ArtifactStore

app = typer.Typer(help="Releases: list, content, verification, and the champion.")
ReleaseId = Annotated[str, typer.Argument(help="A release id of `release list`, or `champion`.")]


_NAME_ONE = "Name a release that is there: `./afterbell release list`."
_NAME_BOTH = "Name a release of `./afterbell release list`, and a reason of one line."
_RUN_FIRST = "Publish one first: `make demo`, or `./afterbell run --session 2026-06-30`."


@contextmanager
def _releases(*, quiet: bool) -> Iterator[ArtifactStore]:
    with stores("s3", quiet=quiet) as opened:
        yield ArtifactStore(opened.runtime.s3)


@app.command("list")
@report_errors
def list_(as_json: AsJson = False) -> None:
    """List all releases; the champion is marked."""
    from afterbell.release.catalog import list_releases, read_champion  # noqa: PLC0415

    serves, fault = "", None
    with _releases(quiet=as_json) as store:
        try:
            champion, _ = read_champion(store)
            serves = champion.release_id if champion else ""
        except UnprovenPointerError as error:
            if as_json:
                raise  # one document, and that is the error
            fault = error  # whoever puts it right needs the names of the releases
        rows = [_list_row(store, name, champion=name == serves) for name in list_releases(store)]
    for row in rows:
        if "unusable" in row and not as_json:
            print_text(f"release {row['release_id']}: {row['unusable']}", console=err)
            row["unusable"] = "see above"
    print_json(rows) if as_json else print_rows(rows, title="releases")
    if fault:
        raise fault


def _list_row(store: ArtifactStore, name: str, *, champion: bool) -> dict[str, object]:
    """One release in the list; one whose manifest cannot be used does not hide the others."""
    from afterbell.release.catalog import read_manifest  # noqa: PLC0415

    row: dict[str, object] = {"release_id": name, "session": name[:10], "champion": champion}
    try:
        manifest = read_manifest(store, name)
    except DigestMismatchError as error:
        return row | {"unusable": str(error)}
    scores = {f"ic_{key}": ScorerMetrics.read(values).ic for key, values in manifest.metrics.items()}
    return (
        row
        | {"provisional": manifest.verdict["verdict"] == "hold" and not champion, "models": len(manifest.models)}
        | scores
    )


def _resolve_id(store: ArtifactStore, name: str) -> str:
    from afterbell.release.catalog import read_champion  # noqa: PLC0415

    if name != "champion":
        return name
    champion, _ = read_champion(store)
    if champion is None:
        with advising(_RUN_FIRST, ObjectMissingError):
            raise ObjectMissingError("nothing has been published yet, so there is no champion")
    return champion.release_id


@app.command()
@report_errors
def show(release_id: ReleaseId = "champion", as_json: AsJson = False) -> None:
    """Show the manifest of a release."""
    from afterbell.release.catalog import read_manifest  # noqa: PLC0415

    with _releases(quiet=as_json) as store, advising(_NAME_ONE, ObjectMissingError):
        manifest = read_manifest(store, _resolve_id(store, release_id)).model_dump(mode="json")
    if as_json:
        print_json(manifest)
        return
    origin = f" of session {manifest['session']}, candidate {manifest['candidate_id']}"
    print_text((manifest["release_id"], "bold"), origin)
    print_text(f"verdict: {manifest['verdict']['verdict']} ({manifest['verdict']['reason']})")
    for factors in manifest["features"]["sets"]:
        print_text(f"features: {factors['set']}, {len(factors['names'])} factors")
    print_text(f"code {manifest['code_version']}")
    # A digest is as wide as a line, and `release verify` is what compares it.
    print_rows([model | {"sha256": f"{model['sha256'][:12]}…"} for model in manifest["models"]], title="models")
    print_rows(by_figure(manifest["metrics"]), title="out of sample")


@app.command()
@report_errors
def verify(release_id: ReleaseId = "champion", as_json: AsJson = False) -> None:
    """Check every file against the manifest, load every model and predict with it."""
    from afterbell.release.catalog import read_manifest, verify_release  # noqa: PLC0415

    with _releases(quiet=as_json) as store:
        with advising(_NAME_ONE, ObjectMissingError):  # else a file of the release is lost
            name = read_manifest(store, _resolve_id(store, release_id)).release_id
        verified = verify_release(store, name)
    if as_json:
        print_json(vars(verified))
        return
    print_text(
        f"{verified.release_id}: {verified.files} files, {verified.size:,} bytes, all digests right; "
        f"{verified.predicted} models loaded and predicted"
    )


Reason = Annotated[str, typer.Option(help="Why: one line, stored permanently in the audit trail.")]


@app.command()
@report_errors
def rollback(
    reason: Reason,
    release_id: Annotated[str, typer.Argument(help="Which release; the champion before this one, if left out.")] = "",
    as_json: AsJson = False,
) -> None:
    """Make an earlier release champion again, once it is verified; needs S3 only."""
    _move_champion(as_json, action="rollback", release_id=release_id, reason=reason)


@app.command()
@report_errors
def promote(
    release_id: Annotated[str, typer.Argument(help="A release id of `release list`.")],
    reason: Reason,
    as_json: AsJson = False,
) -> None:
    """Make a release the champion, once it is verified, whatever its session."""
    _move_champion(as_json, action="promote", release_id=release_id, reason=reason)


def _move_champion(as_json: bool, **fields: Any) -> None:
    from afterbell.release.catalog import read_manifest  # noqa: PLC0415
    from afterbell.release.promotion import carry_out, choice  # noqa: PLC0415

    with advising(_NAME_BOTH, ConfigError):
        request = choice(**fields, by=f"{getpass.getuser()}@{socket.gethostname()}")  # before anything is started
    with _releases(quiet=as_json) as store:
        if request.release_id:
            with advising(_NAME_ONE, ObjectMissingError):
                read_manifest(store, request.release_id)
        with advising(_NAME_ONE, ConfigError):
            done = carry_out(store, request)
    if as_json:
        print_json(vars(done))
        return
    print_text(f"champion: {done.champion} ({done.reason})")
    if done.moved:
        print_text(f"a rollback from here goes to {done.previous or 'no release by itself: name one'}")


@app.command()
@report_errors
def history(as_json: AsJson = False) -> None:
    """List who moved the champion, when and why, newest first."""
    from afterbell.release.audit import moves  # noqa: PLC0415
    from afterbell.release.catalog import read_champion  # noqa: PLC0415

    with _releases(quiet=as_json) as store:
        champion, _ = read_champion(store)
        rows = [
            {
                "at": entry.at.isoformat(timespec="seconds"),
                "action": entry.action,
                "from": entry.source.release_id if entry.source else None,
                "to": entry.target.release_id,
                "by": entry.by,
                "reason": entry.reason,
                "run": entry.run_id,
            }
            for entry in moves(store, champion)
        ]
    print_json(rows) if as_json else print_rows(rows, title="moves of the champion")
