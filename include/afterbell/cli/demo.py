"""``demo``: services up, a market delivered, the daily run, its summary, services down."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Annotated

import typer

from afterbell.cli.completion import profiles
from afterbell.cli.context import parse_day, stores
from afterbell.cli.market import FOLDER, simulated, upload_with_progress
from afterbell.cli.options import AsJson
from afterbell.cli.output import advising, print_json, print_text, report_errors
from afterbell.cli.run import check_request, run_in, starting
from afterbell.cli.summary import print_summary
from afterbell.config.environment import HOME
from afterbell.config.platform import Folders
from afterbell.errors import ConfigError, MissingDropsError
from afterbell.simulation.feed import deliveries
from afterbell.simulation.market import MarketSpec
from afterbell.stores.upload import folder_deliveries


@report_errors
def demo(
    drops: Annotated[
        str, typer.Option(envvar="DROPS", help="A folder of real drops; simulated ones if left out.")
    ] = "",
    session: Annotated[
        str, typer.Option(envvar="SESSION", help="The session to run for; the last simulated one.")
    ] = "",
    signal: Annotated[float, typer.Option(envvar="SIGNAL", min=0.0, max=0.5, help="Planted signal.")] = 0.10,
    symbols: Annotated[int, typer.Option(envvar="SYMBOLS", min=2, help="Simulated symbols.")] = 500,
    sessions: Annotated[int, typer.Option(envvar="SESSIONS", min=2, help="Simulated sessions.")] = 300,
    profile: Annotated[
        str | None, typer.Option(envvar="PROFILE", help="Cluster profile.", autocompletion=profiles)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run the whole daily job on a simulated market, or on your own drops."""
    chosen_session = parse_day(session, "SESSION") if session else None
    if drops:
        if chosen_session is None:
            raise ConfigError("DROPS needs SESSION as well, such as: make demo DROPS=/data/drops SESSION=2016-06-30")
        request = check_request(chosen_session, profile)
        with advising(FOLDER, MissingDropsError):
            feed = list(folder_deliveries(Path(drops)))
        market = f"drops-{_digest(str(Path(drops).resolve()))}"
    else:
        spec = MarketSpec(symbols=symbols, sessions=sessions, signal=signal)
        request = check_request(chosen_session or spec.last_session, profile)
        feed = list(deliveries(simulated(spec, quiet=as_json)))
        market = f"simulated-{_digest(repr(spec))}"
    _choose_market(market)
    # Airflow starts while the drops are delivered.
    with stores("s3", "hdfs", quiet=as_json) as opened, starting(opened, request) as airflow:
        done = upload_with_progress(opened, feed, quiet=as_json)
        if not as_json:
            total = done["objects"] + done["skipped"]
            print_text(f"{total} drops on S3 and HDFS ({done['skipped']} already present): starting the daily run")
        summary = run_in(opened, request, airflow, quiet=as_json)
    print_json(summary.to_json()) if as_json else print_summary(summary)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _choose_market(name: str) -> None:
    # One lake must not hold two markets: each has a home of its own, and the commands that follow ask the last one.
    if os.environ.get(HOME):
        return
    base = Folders.from_env().root / ".afterbell"
    base.mkdir(exist_ok=True)
    (base / "current").write_text(f"{name}\n", encoding="utf-8")
