"""Executors on the driver's machine map its files; others get copies."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from afterbell.training.matrix import FILES
from afterbell.training.spark_fits import Shipped, ship


def shipped(master):
    """What came of it, and the files that Spark was to copy."""
    copied = []
    spark = SimpleNamespace(sparkContext=SimpleNamespace(master=master, addFile=copied.append))
    return ship(spark, Path("/matrices/key")), copied


@pytest.mark.parametrize("master", ["local", "local[2]", "local[*]"])
def test_nothing_is_copied_on_this_machine(master):
    assert shipped(master) == (Shipped(Path("/matrices/key")), [])


@pytest.mark.parametrize("master", ["local-cluster[2,1,512]", "spark://host:7077", "mesos://host:5050", "yarn"])
def test_a_cluster_gets_a_copy_of_every_file(master):
    found, copied = shipped(master)
    assert found == Shipped(None)
    assert copied == [f"/matrices/key/{name}" for name in FILES]
