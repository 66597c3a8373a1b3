"""However a run is ended, nothing of it stays running."""

from __future__ import annotations

import os
import signal
import subprocess

import psutil
import pytest

from tests.command_line import ROOT
from tests.patience import LONG

pytestmark = pytest.mark.services


def _family(process):
    return psutil.Process(process.pid).children(recursive=True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=lambda number: number.name)
def test_a_demo_that_is_ended_in_the_middle_leaves_no_process(tmp_path, number):
    env = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    process = subprocess.Popen(
        [str(ROOT / "afterbell"), "demo", "--symbols", "20", "--sessions", "60"],
        env=env | {"AFTERBELL_HOME": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    with process:
        for line in process.stdout:
            if "open_run" in line:  # Airflow runs, the first Spark step is about to
                break
        else:
            pytest.fail("the demo ended before its first task did")
        family = _family(process)
        assert any("java" in member.name() for member in family)
        process.send_signal(number)
        process.stdout.close()
        status = process.wait(LONG)
    assert status != 0
    _, alive = psutil.wait_procs(family, timeout=LONG)
    assert [member.name() for member in alive] == []
    marked = [
        item for item in psutil.process_iter(["cmdline"]) if str(tmp_path) in " ".join(item.info["cmdline"] or [])
    ]
    assert [item.name() for item in marked] == []
