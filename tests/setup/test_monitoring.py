"""What the profile `monitoring` is told: rules and pages ask for metrics that exist, and say what to do."""

from __future__ import annotations

import json
import os
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "include" / "containers" / "monitoring"

# What Airflow 3.3.2 sends, by its own sources, without the prefix.
COUNTERS = """
scheduler_heartbeat dag_processor_heartbeat triggerer_heartbeat job_heartbeat_failure
ti.start ti.finish ti_failures ti_successes task_instances_without_heartbeats_killed
scheduler.tasks.killed_externally scheduler.orphaned_tasks.cleared scheduler.orphaned_tasks.adopted
deadline_alerts.deadline_created deadline_alerts.deadline_missed deadline_alerts.deadline_not_missed
dag.callback_exceptions dag_processing.processor_timeouts
triggers.succeeded triggers.failed triggers.blocked_main_thread
"""
GAUGES = """
scheduler.dagruns.running scheduler.tasks.starving scheduler.tasks.executable
ti.scheduled ti.queued ti.running ti.deferred ti.awaiting_input
pool.open_slots pool.queued_slots pool.running_slots pool.deferred_slots pool.scheduled_slots pool.starving_tasks
executor.open_slots executor.queued_tasks executor.running_tasks
dagbag_size dag_processing.import_errors dag_processing.total_parse_time dag_processing.file_path_queue_size
dag_processing.last_run.seconds_ago triggers.running triggerer.capacity_left
"""
TIMERS = """
dagrun.duration.success dagrun.duration.failed dagrun.schedule_delay dagrun.first_task_start_delay
task.duration task.scheduled_duration task.queued_duration
scheduler.scheduler_loop_duration scheduler.critical_section_duration scheduler.executor_heartbeat_duration
dag_processing.last_duration
"""
AIRFLOW = {
    name: kind
    for names, kind in ((COUNTERS, "counter"), (GAUGES, "gauge"), (TIMERS, "timer"))
    for name in names.split()
}
NOT_IN_ITS_LIST = {"job_heartbeat_failure", "ti.awaiting_input"}  # but sent by job.py and scheduler_job_runner.py

# What servers of Spark 3.5 and Hadoop 3.3.4 answered, as far as it is kept.
SERVERS = {
    "spark-master": {f"metrics_master_{name}_Value" for name in ("aliveWorkers", "apps", "waitingApps", "workers")},
    "spark-worker": {
        f"metrics_worker_{name}_Value" for name in ("coresFree", "coresUsed", "executors", "memFree_MB", "memUsed_MB")
    },
    "spark-applications": {"metrics_application_afterbell_train_2026_06_30_1795891244877_cores_Value"},
    "namenode": {
        "fs_namesystem_missing_blocks",
        "fs_namesystem_under_replicated_blocks",
        "fs_namesystem_num_live_data_nodes",
        "fs_namesystem_num_dead_data_nodes",
        "fs_namesystem_capacity_total",
        "fs_namesystem_capacity_used",
        "fs_namesystem_files_total",
    },
}
OWN = {"up", "ALERTS", "spark_application_cores", "spark_application_runtime_ms"}


@cache
def load(name: str) -> Any:
    return yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))


def filled(template: str, found: re.Match[str]) -> str:
    """``$1`` and the like are what was found."""
    return re.sub(r"\$(\d)", lambda number: found[int(number[1])], template)


def mapped(sent: str) -> tuple[str, dict[str, str]]:
    """The name and labels that the exporter gives to what Airflow sends, by the rules of its `glob` and `regex`."""
    for entry in load("statsd.yaml")["mappings"]:
        regex = entry.get("match_type") == "regex"
        pattern = entry["match"] if regex else re.escape(entry["match"]).replace(r"\*", "([^.]*)") + "$"
        if found := re.match(pattern, f"airflow.{sent}"):
            labels = {label: filled(value, found) for label, value in entry.get("labels", {}).items()}
            return ("" if entry.get("action") == "drop" else entry["name"]), labels
    return f"airflow.{sent}", {}


@cache
def produced() -> set[str]:
    """Every name that Prometheus can find."""
    names = set(OWN).union(*(known for job, known in SERVERS.items() if job != "spark-applications"))
    for sent, kind in AIRFLOW.items():
        name, _ = mapped(sent)
        names |= {f"{name}_{end}" for end in ("bucket", "sum", "count")} if kind == "timer" else {name}
    return names


def asked(expression: str) -> set[str]:
    """The metrics that an expression of PromQL names."""
    bare = re.sub(r'"(\\.|[^"\\])*"', "", expression)
    bare = re.sub(r"\{[^}]*\}|\[[^]]*\]", "", bare)
    bare = re.sub(r"\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)", "", bare)
    bare = re.sub(r"\boffset\s+\w+", "", bare)
    words = re.findall(r"(?<![\w.])([a-zA-Z_:][\w:]*)\b(?!\s*\()", bare)
    return set(words) - {"and", "or", "unless", "bool"}


def rules() -> list[dict[str, Any]]:
    return [rule for group in load("alerts.yaml")["groups"] for rule in group["rules"]]


def board() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / "dashboard.json").read_text(encoding="utf-8"))
    return found


def jobs() -> dict[str, dict[str, Any]]:
    return {job["job_name"]: job for job in load("prometheus.yml")["scrape_configs"]}


def services() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "docker-compose.yaml").read_text())["services"]
    return found


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ("up == 0", {"up"}),
        ('(sum(increase(a_total{x="b_total"}[2m])) or vector(0)) == 0', {"a_total"}),
        ('sum by (le, dag) (rate(a_bucket{d=~"$dag"}[5m])) / max(b_max) * 1e3', {"a_bucket", "b_max"}),
        ("(a unless a offset 15m) > on (pool) group_left (x) b", {"a", "b"}),
    ],
)
def test_names_are_found_in_an_expression(expression: str, names: set[str]) -> None:
    assert asked(expression) == names


@pytest.mark.parametrize(
    ("sent", "name", "labels"),
    [
        ("scheduler_heartbeat", "airflow_scheduler_heartbeats_total", {}),
        ("ti.finish", "airflow_task_ends_total", {}),
        ("ti.running", "airflow_task_instances", {"state": "running"}),
        ("pool.open_slots", "airflow_pool_slots", {"state": "open"}),
        ("dagrun.duration.failed", "airflow_dagrun_duration_seconds", {"state": "failed"}),
        ("scheduler.orphaned_tasks.adopted", "airflow_orphaned_tasks_total", {"outcome": "adopted"}),
        ("dagrun.daily_retraining.first_task_scheduling_delay", "", {}),
        ("dag_processing.processes", "", {}),  # goes up and down, which no counter may
    ],
)
def test_what_airflow_sends_gets_its_name(sent: str, name: str, labels: dict[str, str]) -> None:
    assert mapped(sent) == (name, labels)


def test_every_mapping_is_of_something_that_airflow_sends() -> None:
    *entries, last = load("statsd.yaml")["mappings"]
    assert last["action"] == "drop"
    for entry in entries:
        pattern = re.escape(entry["match"]).replace(r"\*", "[^.]*")
        assert any(re.fullmatch(pattern, f"airflow.{sent}") for sent in AIRFLOW), entry["match"]


def test_kinds_are_told_by_the_name() -> None:
    for sent, kind in AIRFLOW.items():
        name, _ = mapped(sent)
        assert name.startswith("airflow_"), sent
        assert name.endswith("_total") == (kind == "counter"), sent
        assert kind != "timer" or name.endswith("_seconds"), sent


def test_gauges_that_are_sent_no_more_are_forgotten() -> None:
    for entry in load("statsd.yaml")["mappings"]:
        kinds = {kind for sent, kind in AIRFLOW.items() if entry["match"] == f"airflow.{sent}"}
        assert kinds != {"gauge"} or "ttl" in entry, entry["match"]
        assert kinds != {"counter"} or "ttl" not in entry, entry["match"]


def test_airflow_that_is_installed_has_these_metrics() -> None:
    env = Path(os.environ.get("AFTERBELL_ENV") or ROOT / ".afterbell" / "env")
    lists = list(env.glob("airflow/lib/python3*/site-packages/airflow/_shared/observability/metrics/*_template.yaml"))
    if not lists:
        pytest.skip("Airflow's environment is not there")
    known = {metric["name"]: metric["type"] for metric in yaml.safe_load(lists[0].read_text())["metrics"]}
    listed = {name: kind for name, kind in AIRFLOW.items() if name not in NOT_IN_ITS_LIST}
    assert listed.items() <= known.items()


def test_rules_ask_for_what_there_is() -> None:
    for rule in rules():
        assert asked(rule["expr"]) - produced() == set(), rule["alert"]


def test_every_rule_says_how_urgent_it_is_and_what_to_do() -> None:
    runbook = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
    titles = re.findall(r"^#+ (.+)$", runbook, flags=re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}
    assert len({rule["alert"] for rule in rules()}) == len(rules())
    for rule in rules():
        notes = rule["annotations"]
        assert rule["labels"]["severity"] in {"critical", "warning"}, rule["alert"]
        assert len(notes["summary"]) > 20, rule["alert"]
        assert len(notes["action"]) > 40, rule["alert"]
        page, _, anchor = notes["runbook"].partition("#")
        assert page == "docs/runbook.md", rule["alert"]
        assert anchor in anchors, rule["alert"]


def test_what_a_person_on_call_must_know_has_a_rule() -> None:
    urgent = {rule["alert"] for rule in rules() if rule["labels"]["severity"] == "critical"}
    assert urgent >= {"DailyRunFailed", "DeadlineMissed", "SchedulerSilent", "DagImportErrors", "NoSparkWorker"}
    assert {rule["alert"] for rule in rules()} >= {
        "TaskFailed",
        "DailyRunTakesLong",
        "PoolStarving",
        "SparkWorkerLost",
        "TargetDown",
        "DagProcessingSlow",
    }


def test_a_failure_that_never_happened_before_is_seen() -> None:
    """A counter's first value is no increase: the rule must ask whether the series was there before."""
    for rule in rules():
        if re.search(r"> 0\s*$", rule["expr"]) and "increase(" in rule["expr"]:
            for name in asked(rule["expr"]) - {"airflow_dag_processing_last_run_age_seconds"}:
                assert re.search(rf"{name}(\{{[^}}]*\}})?\s+unless\s+{name}", rule["expr"]), rule["alert"]


def test_the_dashboard_asks_for_what_there_is() -> None:
    panels = [panel for panel in board()["panels"] if panel["type"] != "row"]
    expressions = [target["expr"] for panel in panels for target in panel["targets"]]
    expressions += re.findall(r"label_values\((\w+), \w+\)", json.dumps(board()["templating"]))
    assert len(expressions) > 30
    for text in expressions:
        assert asked(text) - produced() == set(), text


def test_the_dashboard_can_be_imported_anywhere() -> None:
    first = board()["templating"]["list"][0]
    assert (first["type"], first["query"]) == ("datasource", "prometheus")
    panels = board()["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    for panel in panels:
        if panel["type"] != "row":
            used = [panel["datasource"], *(target["datasource"] for target in panel["targets"])]
            assert all(source["uid"] == f"${{{first['name']}}}" for source in used), panel["title"]
            assert panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24, panel["title"]


@pytest.mark.parametrize("job", sorted(SERVERS))
def test_values_that_are_asked_for_are_kept(job: str) -> None:
    keep = next(rule["regex"] for rule in jobs()[job]["metric_relabel_configs"] if rule.get("action") == "keep")
    assert {name for name in SERVERS[job] if not re.fullmatch(keep, name)} == set()
    assert not re.fullmatch(keep, "metrics_HiveExternalCatalog_fileCacheHits_Count")
    assert not re.fullmatch(keep, "jvm_metrics_mem_heap_used_m")


def test_an_application_is_a_label() -> None:
    (name,) = SERVERS["spark-applications"]
    labels = {}
    for rule in jobs()["spark-applications"]["metric_relabel_configs"]:
        if "target_label" in rule and (found := re.fullmatch(rule["regex"], name)):
            labels[rule["target_label"]] = filled(rule["replacement"], found)
    assert labels == {
        "application": "afterbell_train_2026_06_30",
        "started_ms": "1795891244877",
        "__name__": "spark_application_cores",
    }


def test_prometheus_asks_services_that_compose_starts() -> None:
    for name, job in jobs().items():
        hosts = [target.split(":")[0] for group in job.get("static_configs", []) for target in group["targets"]]
        hosts += [host for group in job.get("dns_sd_configs", []) for host in group["names"]]
        assert hosts, name
        assert set(hosts) <= {*services(), "127.0.0.1"}, name


def test_the_profile_is_on_demand_and_airflow_sends_tags_to_it() -> None:
    assert {name for name, it in services().items() if it.get("profiles") == ["monitoring"]} == {
        "prometheus", "prometheus-page", "statsd",
    }  # fmt: skip
    sends = services()["airflow-scheduler"]["environment"]
    assert sends["AIRFLOW__METRICS__STATSD_HOST"] in services()
    assert sends["AIRFLOW__METRICS__STATSD_INFLUXDB_ENABLED"] == "True"
    assert sends["AIRFLOW__METRICS__LEGACY_NAMES_ON"] == "False"
    port = sends["AIRFLOW__METRICS__STATSD_PORT"]
    assert f'"--statsd.listen-udp=:{port}"' in (ROOT / "Dockerfile").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("job", "daemon"), [("spark-master", "master"), ("spark-applications", "applications"), ("spark-worker", "worker")]
)
def test_sparks_daemons_answer_where_prometheus_asks(job: str, daemon: str) -> None:
    text = (ROOT / "include" / "containers" / "spark" / "metrics.properties").read_text(encoding="utf-8")
    settings = dict(re.findall(r"^([^#=\s]+)=(.+)$", text, flags=re.MULTILINE))
    sink = f"{daemon}.sink.prometheusServlet"
    assert settings[f"{sink}.class"] == "org.apache.spark.metrics.sink.PrometheusServlet"
    assert settings[f"{sink}.path"] + "/" == jobs()[job]["metrics_path"]


def test_the_namenode_answers_where_prometheus_asks() -> None:
    site = (ROOT / "include" / "containers" / "hdfs" / "core-site.xml").read_text(encoding="utf-8")
    assert jobs()["namenode"]["metrics_path"] == "/prom"
    assert "<name>hadoop.prometheus.endpoint.enabled</name><value>true</value>" in site
