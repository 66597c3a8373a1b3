"""A cluster manager is added by one module: profiles, rules, properties, launch and diagnosis know it from there."""

from __future__ import annotations

import ast
import json
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from pydantic import ValidationError

from afterbell.cli import doctor_cluster
from afterbell.cli.context import Opened
from afterbell.cluster import managers
from afterbell.cluster.diagnosis import executor_request, find_executor_cause
from afterbell.cluster.driver import manager_settings
from afterbell.cluster.launch import submissions_at
from afterbell.cluster.profile import ClusterProfile, load_profile
from afterbell.cluster.reach import addresses, require_reachable
from afterbell.cluster.rest import RestSubmissions
from afterbell.cluster.secrets import cluster_secrets, secret_values, weak_secrets
from afterbell.config.platform import Folders, Platform
from afterbell.config.runtime import Runtime
from afterbell.errors import ConfigError, NoResourcesError
from afterbell.run.contracts.releases import ProbeInputs
from afterbell.run.job import StepArgs
from tests.cluster.rest_server import frozen_server
from tests.cluster.test_connections import ENV

MASTER = "parade://127.0.0.1:9000"
ON_CLUSTER = {"master": MASTER, "deploy_mode": "cluster", "queue": "floats"}


@pytest.fixture
def parade(monkeypatch):
    """The example's module lies in the package of the managers, for one test."""
    name = f"{managers.__name__}.parade"
    monkeypatch.setattr(managers, "__path__", [*managers.__path__, str(Path(__file__).parent / "example")])
    monkeypatch.setattr(managers, "MANAGERS", managers.discover())
    yield
    del sys.modules[name], managers.parade


@pytest.fixture
def server(parade):
    with frozen_server() as found:
        yield found


def test_the_managers_are_known_by_their_modules_the_simplest_first():
    assert list(managers.MANAGERS) == ["local", "standalone", "mesos"]
    assert "parade" not in managers.MANAGERS


def _names_in(source):
    """The constants of a module that are the name or the prefix of a manager with nodes."""
    named = {text for one in managers.registered() if one.nodes for text in (one.name, one.prefix)}
    constants = [node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant)]
    return [value for value in constants if isinstance(value, str) and value in named]


def test_no_other_module_knows_a_manager_by_name():
    assert _names_in('mesos = profile.manager == "mesos" or master.startswith("spark://")') == ["mesos", "spark://"]
    package, own = Path(managers.__file__).parents[2], Path(managers.__file__).parent
    others = [path for path in sorted(package.rglob("*.py")) if own not in path.parents]
    assert len(others) > 300
    assert {str(path.relative_to(package)): names for path in others if (names := _names_in(path.read_text()))} == {}


def test_prefixes_tell_managers_apart():
    prefixes = [manager.prefix for manager in managers.registered()]
    assert not [(one, other) for one in prefixes for other in prefixes if one != other and one.startswith(other)]
    for manager in managers.registered():
        assert managers.manager_of(manager.example) is manager
        assert ClusterProfile(master=manager.example).manager is manager


def test_an_address_of_no_manager_is_refused_with_those_there_are():
    with pytest.raises(ConfigError, match=r"master 'yarn'; Afterbell runs on local, spark://, mesos://$"):
        managers.manager_of("yarn")


def test_without_its_module_a_profile_of_it_is_refused():
    with pytest.raises(ValidationError, match=r"String should match pattern '\^\(local.*\|spark://.*\|mesos://"):
        ClusterProfile(master=MASTER)
    with pytest.raises(ValidationError, match=r"queue\n  Extra inputs are not permitted"):
        ClusterProfile(master="local", queue="floats")


@pytest.mark.usefixtures("parade")
def test_its_profile_loads_and_its_properties_come_out(tmp_path, monkeypatch):
    (tmp_path / "clusters").mkdir()
    (tmp_path / "clusters" / "own.yaml").write_text(f"master: {MASTER}\nqueue: floats\nexecutor_memory: 2g\n")
    monkeypatch.setenv("AFTERBELL_CONFIG", str(tmp_path))
    profile = load_profile("own")
    assert profile.manager.name == "parade"
    assert profile.at("parade://other:1", "cluster").rest_address == "http://other:1"
    assert profile.spark_conf() == {
        "spark.driver.memory": "4g",
        "spark.ui.showConsoleProgress": "false",
        "spark.executor.memory": "2g",
        "spark.parade.queue": "floats",
        "spark.afterbell.registeredSeconds": "60",
        "spark.afterbell.firstExecutorSeconds": "180",
        "spark.afterbell.credentials": "submit",
    }


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"master": MASTER, "deploy_mode": "cluster"}, "needs queue: the name of one"),
        ({"master": "spark://m1:7077", "queue": "floats"}, "queue: for parades alone, and master is spark://m1:7077"),
        ({"master": MASTER, "role": "market"}, "role: for Mesos alone, and master is parade://"),
        ({"master": MASTER, "conf": {"spark.parade.queue": "x"}}, "conf sets spark.parade.queue: set the key queue"),
        ({"master": MASTER, "queue": 1}, r"queue\n  Input should be a valid string"),
        ({"master": "parade://nowhere"}, r"should match pattern .*\|parade://"),
    ],
)
@pytest.mark.usefixtures("parade")
def test_its_rules_refuse(keys, message):
    with pytest.raises(ValidationError, match=message):
        ClusterProfile(**keys)


@pytest.mark.usefixtures("parade")
def test_its_secrets_go_to_its_drivers_and_executors_and_into_no_log():
    profile = ClusterProfile(**ON_CLUSTER)
    environment = {"PARADE_PASS": "changeme", "SPARK_MESOS_SECRET": "x"}
    assert cluster_secrets(profile, environment) == {"PARADE_PASS": "changeme"}
    assert "changeme" in secret_values(environment)
    problem = "PARADE_PASS is a password that programs are delivered with: set another"
    assert weak_secrets(profile, environment) == [problem]
    assert manager_settings({"spark.master": MASTER}, environment) == {"spark.parade.pass": "changeme"}


@pytest.mark.usefixtures("parade")
def test_its_refusals_are_known_by_the_output_of_drivers():
    refusal = managers.refusal_in("a line\nMARSHAL: no\n")
    assert f"refused by {refusal.by}" == "refused by the marshal"
    assert refusal.add_to("ConfigError: x") == "ConfigError: x\nThe marshal's reason: too loud"


def test_its_server_is_reached(server):
    profile = ClusterProfile(**ON_CLUSTER | {"master": server.url.replace("http", "parade")})
    assert addresses(profile) == [("127.0.0.1", int(server.url.rsplit(":", 1)[1]))]
    require_reachable(profile, {})


def test_a_job_without_executors_is_explained_by_its_pages(server):
    server.say("GET /nodes", [{"cores": 0, "mib": 512}])
    properties = {"spark.master": MASTER, "spark.executor.memory": "1g"}
    request = executor_request(properties | {"spark.afterbell.masterUi": server.url})
    assert find_executor_cause(request, "app-1").startswith("no float has 1 cores and 1024 MiB free beside other jobs")
    assert find_executor_cause(executor_request(properties), "app-1").endswith("no 1 free cores; no parade today")


@pytest.mark.usefixtures("parade")
def test_a_server_of_drivers_is_spoken_to_as_its_manager_does_and_by_rest_where_old_notes_name_none():
    assert isinstance(submissions_at("http://m1:6066"), RestSubmissions)
    assert isinstance(submissions_at("http://m1:6066", "standalone"), RestSubmissions)
    assert isinstance(submissions_at("http://d1:7077", "mesos"), RestSubmissions)
    assert not isinstance(submissions_at("http://p1:9000", "parade"), RestSubmissions)
    with pytest.raises(ConfigError, match=r"'fair' is not known; expected one of local, standalone, parade, mesos$"):
        submissions_at("http://f1:9000", "fair")
    with pytest.raises(ConfigError, match="the cluster manager local has no nodes"):
        submissions_at("http://l1:9000", "local")


def _job(server, tmp_path, monkeypatch, mib):
    monkeypatch.setenv("PARADE_PASS", "canary-secret")
    server.say("GET /nodes", [{"cores": 8, "mib": mib}])
    server.say("POST /drivers", {"id": "p1"})
    server.say("GET /drivers/p1", {"state": "FAILED", "message": "it rained"})
    server.say("GET /logs/p1/stdout", "the password is canary-secret\n")
    server.say("GET /logs/p1/stderr", "Traceback\n")
    set_up = Folders.from_env()
    folders = Folders(root=set_up.root, home=tmp_path, env=set_up.env)
    env = ENV | {"AFTERBELL_HOME": str(tmp_path)}
    opened = Opened(folders, Platform(), Runtime.from_env(env), env)
    cluster = ClusterProfile(**ON_CLUSTER | {"master": server.url.replace("http", "parade"), "master_ui": server.url})
    args = StepArgs("probe", date(2026, 6, 30), "doctor__x", datetime(2026, 6, 30, 22, tzinfo=UTC), ProbeInputs())
    return doctor_cluster._Job(opened, cluster, args)


def test_its_drivers_go_through_the_one_submitter(server, tmp_path, monkeypatch):
    job = _job(server, tmp_path, monkeypatch, mib=8000)
    text = doctor_cluster._run_on_cluster(job)
    assert text == "driver p1 ended as FAILED on the cluster: it rained\nthe password is ***\nTraceback"
    (request,) = [body for what, body in server.requests if what == "POST /drivers"]
    assert request["appResource"] == str(job.script)
    assert request["appArgs"][:2] == ["--in", "floats"]
    assert request["sparkProperties"]["spark.parade.queue"] == "floats"
    assert request["sparkProperties"]["spark.master"] == job.cluster.master
    assert request["environmentVariables"]["PARADE_PASS"] == "canary-secret"
    del request["environmentVariables"]
    assert "canary-secret" not in json.dumps(request)


def test_a_driver_that_no_node_of_it_can_take_is_not_launched(server, tmp_path, monkeypatch):
    with pytest.raises(NoResourcesError, match="no float is that large, even without other jobs"):
        doctor_cluster._run_on_cluster(_job(server, tmp_path, monkeypatch, mib=1000))
    assert server.count("POST /drivers") == 0
