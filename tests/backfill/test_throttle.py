"""What a backfill leaves to others, on one machine and on a cluster."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from afterbell.backfill.throttle import share_conf, share_environment
from afterbell.cluster import behind
from afterbell.cluster.profile import ClusterProfile

SPARK = "spark://127.0.0.1:7077"


def test_on_this_machine_it_has_all_cores_that_nobody_else_wants() -> None:
    assert share_conf(ClusterProfile(master="local[2]")) == {}
    assert share_environment() == {"AFTERBELL_NICE": "15"}


@pytest.mark.parametrize(
    ("most", "each", "share"), [(16, 2, "8"), (16, 12, "12"), (0, 0, "2"), (0, 4, "4"), (3, 1, "1")]
)
def test_on_a_cluster_it_takes_half_of_the_cores_and_at_least_one_executor(most: int, each: int, share: str) -> None:
    conf = share_conf(ClusterProfile(master=SPARK, cores_max=most, executor_cores=each))
    assert conf["spark.cores.max"] == share
    assert conf["spark.executorEnv.AFTERBELL_NICE"] == "15"


@pytest.mark.skipif(sys.platform != "linux", reason="sessions are weighed by Linux alone")
@pytest.mark.parametrize("leads", [False, True], ids=["in the session of others", "in one of its own"])
def test_a_program_behind_gets_what_a_busy_one_leaves(leads: bool) -> None:
    """Linux shares the processor out by these weights, and not so that a few seconds would show it."""
    look = "import json, os; from pathlib import Path; own = Path('/proc/self/autogroup');"
    # Not every kernel weighs sessions.
    look += "weight = own.read_text().split()[1:] if own.exists() else ['nice', '15'];"
    look += "print(json.dumps([os.getsid(0), os.getpriority(os.PRIO_PROCESS, 0), *weight]))"
    # What it starts is as far behind as the program itself.
    program = f"import os, subprocess, sys; print(os.getpid()); subprocess.run([sys.executable, '-c', {look!r}])"
    argv = [sys.executable, str(Path(behind.__file__)), "15", sys.executable, "-u", "-c", program]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, start_new_session=leads)
    assert done.returncode == 0, done.stderr
    program_id, seen = map(json.loads, done.stdout.splitlines())
    nice = max(15, os.getpriority(os.PRIO_PROCESS, 0))  # the tests themselves may be behind others
    assert seen == [program_id, nice, "nice", "15"], "the session is its own, and weighs little as a whole"
