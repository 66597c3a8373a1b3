"""``release list|show|verify``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from afterbell.cli.context import stores
from afterbell.cli.output import out, print_json, print_rows, report_errors
from afterbell.errors import ObjectMissingError
from afterbell.stores.artifacts import ArtifactStore

app = typer.Typer(help="Releases: which there are, what is in one, whether its bytes are still its own.")
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]
ReleaseId = Annotated[str, typer.Argument(help="A release id of `release list`, or `champion`.")]


@contextmanager
def _releases(*, quiet: bool) -> Iterator[ArtifactStore]:
    with stores("s3", quiet=quiet) as opened:
        yield ArtifactStore(opened.runtime.s3)


@app.command("list")
@report_errors
def list_(as_json: AsJson = False) -> None:
    """List all releases; the champion is marked."""
    from afterbell.release.catalog import list_releases, read_champion, read_manifest  # noqa: PLC0415

    with _releases(quiet=as_json) as store:
        champion, _ = read_champion(store)
        rows = []
        for name in list_releases(store):
            manifest = read_manifest(store, name)
            rows.append(
                {
                    "release_id": name,
                    "session": manifest.session.isoformat(),
                    "champion": bool(champion and champion.release_id == name),
                    "models": len(manifest.models),
                    **{f"ic_{key}": values.get("ic") for key, values in manifest.metrics.items()},
                }
            )
    print_json(rows) if as_json else print_rows(rows, title="releases")


def _resolve(store: ArtifactStore, name: str) -> str:
    from afterbell.release.catalog import read_champion  # noqa: PLC0415

    if name != "champion":
        return name
    champion, _ = read_champion(store)
    if champion is None:
        raise ObjectMissingError("nothing has been published yet, so there is no champion; `make demo` publishes one")
    return champion.release_id


@app.command()
@report_errors
def show(release_id: ReleaseId = "champion", as_json: AsJson = False) -> None:
    """Show the manifest of a release."""
    from afterbell.release.catalog import read_manifest  # noqa: PLC0415

    with _releases(quiet=as_json) as store:
        manifest = read_manifest(store, _resolve(store, release_id)).model_dump(mode="json")
    if as_json:
        print_json(manifest)
        return
    out.print(
        f"[bold]{manifest['release_id']}[/] of session {manifest['session']}, candidate {manifest['candidate_id']}"
    )
    out.print(f"verdict: {manifest['verdict']['verdict']} ({manifest['verdict']['reason']})", markup=False)
    for each in manifest["features"]["sets"]:
        out.print(f"features: {each['set']}, {len(each['names'])} factors", markup=False)
    out.print(f"code {manifest['code_version']}", markup=False)
    print_rows(manifest["models"], title="models")
    print_rows(
        [
            {"horizon": key, **{k: v for k, v in values.items() if isinstance(v, int | float)}}
            for key, values in manifest["metrics"].items()
        ],
        title="out of sample",
    )


@app.command()
@report_errors
def verify(release_id: ReleaseId = "champion", as_json: AsJson = False) -> None:
    """Check every file against the manifest, load every model and predict with it."""
    from afterbell.release.catalog import verify_release  # noqa: PLC0415

    with _releases(quiet=as_json) as store:
        found = verify_release(store, _resolve(store, release_id))
    if as_json:
        print_json(vars(found))
        return
    out.print(
        f"{found.release_id}: {found.files} files, {found.size:,} bytes, all digests right; "
        f"{found.predicted} models loaded and predicted"
    )
