"""``simulate`` and ``upload``: a market's drops into S3 and HDFS, or into a folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from afterbell.cli.context import Opened, parse_day, stores
from afterbell.cli.options import AsJson
from afterbell.cli.output import advising, err, print_json, print_progress, print_text, report_errors
from afterbell.errors import MissingDropsError
from afterbell.simulation.feed import deliveries
from afterbell.simulation.market import Market, MarketSpec
from afterbell.simulation.market import simulate as simulate_market
from afterbell.stores.protocols import Delivery
from afterbell.stores.upload import folder_deliveries
from afterbell.stores.upload import upload as upload_all

FOLDER = "Name a folder of drops, laid out as docs/how-to/your-own-stores.md says."
"""What to do about a folder that has none."""


def upload_with_progress(opened: Opened, drops: list[Delivery], *, quiet: bool) -> dict[str, int]:
    """Upload drops, with a bar on the terminal; objects that are there already are left alone."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    if not quiet and not err.is_terminal:  # in a log there is one line, not a bar
        print_progress(f"uploading {len(drops)} drops")
    with Progress(*columns, console=err, disable=quiet or not err.is_terminal, transient=True) as bar:
        task = bar.add_task("uploading drops", total=len(drops))
        done = upload_all(drops, opened.runtime, lambda *_: bar.advance(task))
    return {"objects": done.objects, "bytes": done.bytes, "skipped": done.skipped}


def write_folder(drops: Iterator[Delivery], folder: Path) -> dict[str, int]:
    """Write drops into ``folder`` as the two stores would hold them (``s3/...`` and ``hdfs/...``)."""
    objects = size = 0
    for delivery in drops:
        path = folder / delivery.store / delivery.key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(delivery.body)
        objects, size = objects + 1, size + len(delivery.body)
    return {"objects": objects, "bytes": size, "skipped": 0}


def simulated(spec: MarketSpec, *, quiet: bool) -> Market:
    """Generate the market of ``spec``, saying so."""
    if not quiet:
        print_progress(f"simulating {spec.symbols} symbols over {spec.sessions} sessions, signal {spec.signal}")
    return simulate_market(spec)


@report_errors
def simulate(
    symbols: Annotated[int, typer.Option(min=2, help="How many symbols are listed at a time.")] = 500,
    sessions: Annotated[int, typer.Option(min=2, help="How many sessions, the last included.")] = 300,
    last_session: Annotated[str, typer.Option(help="The last session, as YYYY-MM-DD.")] = "2026-06-30",
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 7,
    signal: Annotated[float, typer.Option(min=0.0, max=0.5, help="Planted correlation; 0 plants none.")] = 0.10,
    out_folder: Annotated[Path | None, typer.Option("--out", help="Write here instead of to S3 and HDFS.")] = None,
    as_json: AsJson = False,
) -> None:
    """Generate a seeded market and upload it to S3 and HDFS as a vendor would."""
    last = parse_day(last_session, "--last-session")
    spec = MarketSpec(symbols=symbols, sessions=sessions, last_session=last, seed=seed, signal=signal)
    market = simulated(spec, quiet=as_json)
    if out_folder is not None:
        done = write_folder(deliveries(market), out_folder)
    else:
        with stores("s3", "hdfs", quiet=as_json) as opened:
            done = upload_with_progress(opened, list(deliveries(market)), quiet=as_json)
    if as_json:
        print_json({**done, "last_session": last.isoformat(), "truth": market.truth.to_json()})
        return
    where = out_folder or "S3 and HDFS"
    print_text(
        f"{done['objects']} drops ({done['bytes'] / 1e6:.1f} MB) delivered to {where}, "
        f"{done['skipped']} already present"
    )
    print_text(f"the last session is {last}: ./afterbell run --session {last}")


@report_errors
def upload(
    folder: Annotated[Path, typer.Argument(help="A folder of drops: s3/prices/... and hdfs/{reports,symbols}/...")],
    as_json: AsJson = False,
) -> None:
    """Upload real drops of your own to S3 and HDFS."""
    with advising(FOLDER, MissingDropsError):
        drops = list(folder_deliveries(folder))
    with stores("s3", "hdfs", quiet=as_json) as opened:
        done = upload_with_progress(opened, drops, quiet=as_json)
    if as_json:
        print_json(done)
    else:
        print_text(
            f"{done['objects']} drops ({done['bytes'] / 1e6:.1f} MB) delivered, {done['skipped']} already present"
        )
