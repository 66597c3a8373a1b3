"""``doctor --profile`` on real clusters: what it tells of driver and executors, and what it says when they differ."""

from __future__ import annotations

import json
import os
import shutil
import subprocess

import pytest

from afterbell.cli.doctor_cluster import findings_of
from afterbell.config.loader import config_folder
from afterbell.config.platform import Folders
from afterbell.embedded.ports import free_port
from afterbell.run.contracts.releases import ProbeResult
from tests.cluster.drivers import ROOT
from tests.clusters.classes import executor_properties, on_cluster_properties
from tests.clusters.dispatcher import dispatcher
from tests.clusters.standalone import standalone
from tests.patience import LONG

_PATIENT = 3 * LONG  # longer than doctor itself waits, which then says what for
DRIVER = {
    "host": "h0",
    "executor": "driver",
    "python": "3.11.7",
    "java": "17.0.2",
    "cores": 8,
    "packages": {"pyspark": "3.5.9"},
}
EXECUTOR = {"host": "h1", "executor": "h1:7", "python": "3.11.7", "packages": {"pyspark": "3.5.9"}, "cores": 8,
            "memory_gb": 16.0, "differs": [], "rooms": "", "stores": "", "warehouse": ""}  # fmt: skip
FOUND = {"driver": DRIVER, "executors": [EXECUTOR], "javas": ["17.0.2"], "application": "local-1", "warehouse": "",
         "catalog": "", "share": None}  # fmt: skip


def _probed(document):
    """A probe's result, as it is read."""
    return ProbeResult.model_validate(document)


def _missing(**more):
    return [(each.check, each.text) for each in findings_of(_probed(FOUND | more)) if each.state == "missing"]


def test_a_cluster_without_trouble_misses_nothing():
    assert _missing() == []
    assert [each.check for each in findings_of(_probed(FOUND))] == [
        "driver", "executor h1:7", "rooms", "stores", "warehouse", "catalog",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        (
            {"executors": [EXECUTOR | {"differs": ["numpy is 1.26.4 and the driver's is 2.4.6"]}]},
            [("executor h1:7", "numpy is 1.26.4 and the driver's is 2.4.6")],
        ),
        (
            {"executors": [EXECUTOR | {"stores": "StoreUnavailableError: no answer"}, EXECUTOR | {"executor": "h1:8"}]},
            [("stores", "h1: StoreUnavailableError: no answer")],
        ),
        ({"warehouse": "OSError: read-only"}, [("warehouse", "OSError: read-only")]),
        ({"share": "Py4JJavaError: not found"}, [("share", "Py4JJavaError: not found")]),
    ],
)
def test_what_one_node_lacks_is_told_with_its_host(more, expected):
    assert _missing(**more) == expected


def test_another_major_version_of_java_is_worth_a_warning():
    assert [each.state for each in findings_of(_probed(FOUND | {"javas": ["11.0.1"]})) if each.check == "java"] == [
        "warn"
    ]


_DOCTOR = ["-m", "afterbell.cli"]
_WITHOUT_PAUSES = """
from afterbell.cli.__main__ import main
from afterbell.cluster import reach
reach._PAUSE_SECONDS = 0
main()
"""


def _doctor(tmp_path, program=_DOCTOR, **profile):
    """What doctor says with a profile of these keys, and its exit status."""
    config = tmp_path / "config"
    if not config.exists():
        shutil.copytree(config_folder(), config)
    small = {"driver_memory": "1g", "executor_memory": "512m", "cores_max": 2, "executor_cores": 1}
    (config / "clusters" / "own.yaml").write_text(json.dumps(small | profile))
    home = tmp_path / "home"
    folders = Folders.from_env()
    env = {name: value for name, value in os.environ.items() if not name.startswith(("AFTERBELL_", "AWS_"))}
    env |= {"AFTERBELL_CONFIG": str(config), "AFTERBELL_HOME": str(home), "AFTERBELL_ENV": str(folders.env)}
    env |= {"PYTHONPATH": f"{ROOT / 'include'}:{ROOT}", "SPARK_LOCAL_IP": "127.0.0.1"}
    done = subprocess.run(
        [str(folders.spark_python), *program, "doctor", "--profile", "own", "--json"],
        env=env, cwd=tmp_path, capture_output=True, text=True, timeout=_PATIENT, check=False,
    )  # fmt: skip
    assert done.stdout, done.stderr
    found = json.loads(done.stdout)
    return done.returncode, {each["check"].split(":")[0]: each for each in found}, done.stdout


def _served(findings):
    names = [name for name in findings if name.startswith("executor ")]
    assert names
    return {findings[name]["state"] for name in ("probe", "driver", "rooms", "stores", "warehouse", "catalog", *names)}


@pytest.mark.services
def test_a_standalone_cluster_is_looked_at_from_both_places_of_the_driver(tmp_path):
    with standalone(tmp_path / "cluster", workers=2, cores=2, memory="2g") as cluster:
        both = {
            "master": cluster.master,
            "master_ui": cluster.ui,
            "first_executor_seconds": LONG,
            "registered_seconds": LONG,
        }
        folders = Folders.from_env()
        share = tmp_path / "share"
        _, findings, said = _doctor(tmp_path, **both, share=str(share), conf=executor_properties(folders))
        assert _served(findings) == {"ok"}, said
        assert findings["share"]["state"] == "ok", said
        assert "spark.authenticate is off" in findings["security"]["found"]

        on_it = {"deploy_mode": "cluster", "rest_url": cluster.rest.address, "conf": on_cluster_properties(folders)}
        _, findings, said = _doctor(tmp_path, **both, **on_it)
        assert _served(findings) == {"ok"}, said


def test_a_master_that_is_not_there_is_missing_and_nothing_is_submitted(tmp_path):
    status, findings, said = _doctor(tmp_path, ["-c", _WITHOUT_PAUSES], master=f"spark://127.0.0.1:{free_port()}")
    assert status == 1, said
    assert "nothing was submitted. Start it" in findings["cluster"]["found"]
    assert "probe" not in findings


@pytest.mark.services
def test_mesos_is_looked_at_through_its_dispatcher(tmp_path):
    with dispatcher(tmp_path / "cluster", agents=2, cores=2, memory=2500) as cluster:
        keys = {"master": cluster.address, "master_ui": cluster.master_ui, "deploy_mode": "cluster"}
        patient = {"first_executor_seconds": LONG, "registered_seconds": LONG, "executor_home": str(cluster.spark_home)}
        _, findings, said = _doctor(tmp_path, **keys, **patient)
        assert _served(findings) == {"ok"}, said
