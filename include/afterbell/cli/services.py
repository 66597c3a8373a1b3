"""``up`` and ``down``: the embedded services and Airflow, kept running."""

from __future__ import annotations

from typing import Annotated

import typer

from afterbell.cli.context import airflow_connections
from afterbell.cli.output import err, out, print_json, report_errors
from afterbell.config.platform import Folders, load_platform
from afterbell.embedded.stack import start, start_airflow, status, stop

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]


@report_errors
def up(
    profile: Annotated[str | None, typer.Option(help="Cluster profile of the Spark connection.")] = None,
    as_json: AsJson = False,
) -> None:
    """Start S3, HDFS and Airflow on 127.0.0.1, and print where to go; they run until `down`."""
    folders, platform = Folders.from_env(), load_platform()

    def tell(message: str) -> None:
        if not as_json:
            err.print(message, style="dim", markup=False)

    endpoints = start(folders, platform, ("s3", "hdfs"), attached=False, on_progress=tell)
    login = start_airflow(folders, platform, airflow_connections(folders, platform, endpoints, profile), tell)
    if as_json:
        print_json({"url": login.url, "user": login.user, "password_file": str(login.password_file)})
        return
    out.print(f"Airflow     {login.url}", markup=False)
    out.print(f"login       {login.user}, password in {login.password_file}", markup=False)
    out.print(f"S3          {endpoints.s3_url}", markup=False)
    out.print(f"HDFS        {endpoints.hdfs_url}", markup=False)
    out.print("stop        make down", markup=False)


@report_errors
def down(as_json: AsJson = False) -> None:
    """Stop everything that was started on this machine."""
    folders = Folders.from_env()
    stopped = stop(folders)
    left = [service.name for service in status(folders)]
    if as_json:
        print_json({"stopped": stopped, "left": left})
    else:
        out.print(f"stopped: {', '.join(stopped)}" if stopped else "nothing was running")
