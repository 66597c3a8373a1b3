"""Executors with another Python or other packages than their driver end a run before it computes anything."""

from __future__ import annotations

import shutil
from importlib.metadata import version

import pytest

from afterbell.cluster.environment_check import differences, facts
from afterbell.cluster.profile import ClusterProfile
from afterbell.config.platform import Folders
from tests.cluster.drivers import limits, outcome
from tests.clusters.standalone import standalone
from tests.patience import LONG

HERE = {"python": "3.11.7", "packages": {"pyspark": "3.5.9", "numpy": "2.4.6", "numba": "0.68.1"}}


@pytest.mark.parametrize(
    ("there", "expected"),
    [
        (HERE, []),
        (HERE | {"python": "3.11.9"}, ["Python is 3.11.9 and the driver's is 3.11.7"]),
        (
            {"python": "3.11.7", "packages": {"pyspark": "3.5.9", "numpy": "1.26.4"}},
            ["numpy is 1.26.4 and the driver's is 2.4.6", "numba is none and the driver's is 0.68.1"],
        ),
    ],
)
def test_every_version_that_differs_is_named(there, expected):
    assert differences(HERE, there) == expected


def test_facts_are_of_the_packages_asked_for_and_of_spark():
    packages = facts(["xgboost-cpu", "no-such-package"])["packages"]
    installed = {name: version(name) for name in ("xgboost-cpu", "pyspark")}
    assert packages == installed | {"no-such-package": "none"}


@pytest.mark.services
def test_executors_of_a_real_cluster_are_asked_for_python_and_packages(tmp_path):
    """Four drivers on one worker: with the driver's Python, the same out of an archive, another environment's, none."""
    folders = Folders.from_env()
    with standalone(tmp_path / "cluster", workers=1, cores=1, memory="1g") as cluster:

        def run(python, **more):
            pythons = {"spark.pyspark.python": str(python), "spark.pyspark.driver.python": str(folders.spark_python)}
            conf = limits(cluster.ui, first_executor=LONG) | pythons | more
            return outcome(tmp_path, "alike.py", cluster.master, conf)

        status, output = run(folders.spark_python)
        assert (status, "ALIKE" in output) == (0, True), output

        profile = ClusterProfile(master=cluster.master, environment_archive=_packed(tmp_path, folders.spark_python))
        unpacked = {name: profile.spark_conf()[name] for name in ("spark.archives", "spark.pyspark.python")}
        status, output = run("", **unpacked)
        assert (status, "ALIKE" in output) == (0, True), output

        status, output = run(folders.airflow_python)
        assert status == 64, output
        assert "alike: EnvironmentMismatchError: executors differ from the driver, so nothing was computed." in output
        assert "polars is none and the driver's is " in output
        assert "lightgbm is none and the driver's is " in output
        assert "xgboost-cpu is none and the driver's is " in output

        status, output = run("/nowhere/python")
        assert status == 64, output
        assert "alike: EnvironmentMismatchError: executors cannot start the Python of the cluster profile" in output
        assert "/nowhere/python" in output


def _packed(folder, python):
    """An archive of an environment whose Python is ``python``."""
    starter = folder / "packed" / "bin" / "python"
    starter.parent.mkdir(parents=True)
    starter.write_text(f'#!/bin/sh\nexec {python} "$@"\n')
    starter.chmod(0o755)
    return shutil.make_archive(str(folder / "environment"), "gztar", folder / "packed")
