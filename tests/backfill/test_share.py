"""What a backfill leaves to others, on one machine and on a cluster."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from afterbell.backfill.share import share_conf, share_environment
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
def test_a_program_behind_gets_what_a_busy_one_leaves() -> None:
    """Both have a session of their own and one core; what counts is processor time, not how often they looped."""
    spin = "import os, time\nos.sched_setaffinity(0, {0})\nend = time.monotonic() + 4\n"
    spin += "while time.monotonic() < end: pass\nprint(time.process_time())"
    front = [sys.executable, "-c", spin]
    back = [sys.executable, str(Path(behind.__file__)), "15", *front]
    both = [subprocess.Popen(argv, stdout=subprocess.PIPE, start_new_session=argv is front) for argv in (front, back)]
    busy, nice = (float(each.communicate(timeout=120)[0]) for each in both)
    assert nice < 0.5 * busy
