"""How long a test waits for what only must not hang."""

from __future__ import annotations

LONG = 600
"""Seconds. To reach it is to fail, so it is far beyond what the busiest machine takes; it is never a measure."""


def wait_long_for_services() -> None:
    """The embedded services that this process starts may take so long; their own limits are for people who wait."""
    from afterbell.embedded.airflow import Airflow  # noqa: PLC0415
    from afterbell.embedded.hdfs import Hdfs  # noqa: PLC0415
    from afterbell.embedded.seaweedfs import SeaweedFS  # noqa: PLC0415

    for service in (Airflow, Hdfs, SeaweedFS):
        service.timeout = float(LONG)
