"""What the embedded Airflow hands on from the shell that started it."""

from __future__ import annotations

from pathlib import Path

import pytest

from afterbell.config.platform import Folders, Platform
from afterbell.embedded.airflow import Airflow
from afterbell.embedded.process import Supervisor
from afterbell.embedded.service import ServiceContext


@pytest.fixture
def airflow(tmp_path: Path) -> Airflow:
    set_up = Folders.from_env()
    folders = Folders(root=set_up.root, home=tmp_path, env=set_up.env)
    supervisor = Supervisor(folders.services)
    supervisor.begin("airflow", {"ui": 9})
    return Airflow(ServiceContext(folders, Platform(), supervisor))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("JDK_JAVA_OPTIONS", "-Djavax.net.ssl.trustStore=/etc/ours.jks"),
        ("MESOS_NATIVE_JAVA_LIBRARY", "/usr/lib/libmesos.so"),
        ("https_proxy", "http://proxy:3128"),
    ],
)
def test_what_a_driver_of_a_run_by_command_inherits_reaches_drivers_of_the_page(airflow, monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    assert airflow._environment()[name] == value


@pytest.mark.parametrize("name", ["PYTHONPATH", "HADOOP_CONF_DIR", "AWS_PROFILE", "JAVA_TOOL_OPTIONS"])
def test_what_misleads_other_programs_stays_behind(airflow, monkeypatch, name):
    monkeypatch.setenv(name, "/elsewhere")
    assert airflow._environment().get(name) != "/elsewhere"
