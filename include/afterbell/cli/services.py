"""``up`` and ``down``: the embedded services and Airflow, kept running."""

from __future__ import annotations

import json
from dataclasses import replace

from afterbell.cli.context import lake_runtime
from afterbell.cli.options import AsJson, Profile
from afterbell.cli.output import print_json, print_label, print_progress, print_text, report_errors
from afterbell.cluster.connections import connection_environment
from afterbell.cluster.profile import load_profile
from afterbell.cluster.secrets import require_secrets
from afterbell.config.platform import Folders, load_platform
from afterbell.embedded.stack import start, start_airflow, status, step_env, stop
from afterbell.errors import AfterbellError


@report_errors
def up(
    profile: Profile = None,
    as_json: AsJson = False,
) -> None:
    """Start S3, HDFS and Airflow on 127.0.0.1, and print where to go; they run until `down`."""
    folders, platform = Folders.from_env(), load_platform()
    name = profile or platform.cluster
    chosen = load_profile(name)

    def report(message: str) -> None:
        if not as_json:
            print_progress(message)

    endpoints = start(folders, platform, ("s3", "hdfs"), attached=False, on_progress=report)
    environment = step_env(folders, platform, endpoints)
    require_secrets(chosen, environment)
    connections = connection_environment(environment, name, chosen)
    login = start_airflow(folders, platform, connections, report)
    password = json.loads(login.password_file.read_text(encoding="utf-8"))[login.user]
    if as_json:
        print_json({"url": login.url, "user": login.user, "password_file": str(login.password_file)})
        return
    session = _newest_session()
    for label, text in (
        ("Airflow", f"{login.url}/dags/daily_retraining"),
        ("login", f"{login.user} / {password}"),
        ("session", f"{session} is the newest in the lake" if session else "the lake is empty: `./afterbell simulate`"),
        ("S3", endpoints.s3_url or "AWS"),
        ("HDFS", endpoints.hdfs_url),
        ("logs", str(folders.services)),
        ("stop", "make down"),
    ):
        print_label(label, text, width=10)


def _newest_session() -> str | None:
    from afterbell.lake.reader import query  # noqa: PLC0415 - keeps --help fast

    try:
        newest = query(lake_runtime(), "SELECT max(session) AS session FROM market.bars").to_pylist()[0]["session"]
    except AfterbellError:
        return None  # nothing has been ingested yet
    return newest.isoformat() if newest else None


@report_errors
def down(as_json: AsJson = False) -> None:
    """Stop all services of the project on this machine, for every market."""
    folders = Folders.from_env()
    homes = {folders.home, *(path.parent for path in (folders.root / ".afterbell" / "var").glob("*/services"))}
    stopped: list[str] = []
    left: list[str] = []
    for home in sorted(homes):
        market = replace(folders, home=home)
        if market.services.exists():
            stopped += stop(market)
            left += [service.name for service in status(market)]
    if as_json:
        print_json({"stopped": stopped, "left": left})
    else:
        print_text(f"stopped: {', '.join(stopped)}" if stopped else "nothing was running")
