"""Airflow, with a home that only the tests use, and the stores of those that need some."""

import pytest

import tests.airflow_home  # noqa: F401 - before Airflow
from tests.patience import wait_long_for_services


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    """A real S3; nobody asks for HDFS here."""
    from afterbell.config.platform import Folders, Platform  # noqa: PLC0415
    from afterbell.embedded import stack  # noqa: PLC0415

    set_up = Folders.from_env()
    folders = Folders(root=set_up.root, home=tmp_path_factory.mktemp("home"), env=set_up.env)
    wait_long_for_services()
    with stack.running(folders, Platform(), ("s3",)) as found:
        yield stack.step_env(folders, Platform(), found)
