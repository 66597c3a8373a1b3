"""A JVM serves the jobs of a run one after the other; what they see of each other, and what ends it."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from afterbell.cluster.submission import driver_properties, library_zip
from afterbell.cluster.warm import serve
from afterbell.cluster.warm.protocol import listen
from afterbell.cluster.warm.submit import likeness, parted
from afterbell.config.environment import WORKERS
from afterbell.config.platform import Folders
from tests.cluster.drivers import ROOT, SCENARIOS, SUBMIT, conf_of, environment, read_until
from tests.clusters.programs import until
from tests.patience import LONG


class Jobs:
    """Submits the scenario ``warm.py`` below a home of its own."""

    def __init__(self, home: Path) -> None:
        self.doors = home / "drivers"
        self._home = home
        home.mkdir(parents=True)
        self._library = library_zip(ROOT / "include", home / "build")

    def start(self, *arguments: str, warm: str = str(LONG), task: str = "", conf: str = "2") -> subprocess.Popen[str]:
        own = {"AFTERBELL_HOME": str(self._home), "AFTERBELL_WARM": warm, "AIRFLOW_TASK": task}
        argv = [
            SUBMIT, "--master", "local[1]",
            "--conf", "spark.ui.enabled=false", "--conf", "spark.driver.memory=512m",
            "--conf", f"spark.sql.shuffle.partitions={conf}", "--py-files", self._library,
            *conf_of(driver_properties(Folders.from_env())), "--name", f"job {task}", SCENARIOS / "warm.py", *arguments,
        ]  # fmt: skip
        return subprocess.Popen(
            argv, env=environment() | own, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def run(self, *arguments: str, warm: str = str(LONG), task: str = "", conf: str = "2") -> tuple[int, str]:
        with self.start(*arguments, warm=warm, task=task, conf=conf) as process:
            output, _ = process.communicate(timeout=LONG)
            return process.returncode, output


@pytest.fixture
def jobs(tmp_path):
    found = Jobs(tmp_path / ("deep" * 30) / "home")  # a socket's own name may have 107 bytes
    yield found
    for each in psutil.process_iter(["cmdline"]):
        if any(str(found.doors) in word for word in each.info["cmdline"] or ()):
            each.kill()


def numbers(output):
    """Process ids of Java and Python, and the application's id."""
    return re.search(r"JVM (\d+) PYTHON (\d+) APPLICATION (\S+)", output).groups()


def gone(jvm):
    return until(f"the JVM {jvm} is gone", lambda: not psutil.pid_exists(int(jvm)))


@pytest.mark.services
def test_jobs_share_a_jvm_and_nothing_else(jobs):
    first = jobs.run("0", "one", task="ingest")
    second = jobs.run("0", "a b", "$(c)", task="validate")
    other = jobs.run("0", task="ingest", conf="3")
    last = jobs.run("0", task="score", warm="0")
    assert [status for status, _ in (first, second, other, last)] == [0, 0, 0, 0], (first, second, other, last)
    (jvm, python, application), (again, fresh, another) = numbers(first[1]), numbers(second[1])
    assert (again, fresh != python, another != application) == (jvm, True, True)
    assert "TOLD ['0', 'one'] IN ingest SAW nothing" in first[1]
    assert "TOLD ['0', 'a b', '$(c)'] IN validate SAW nothing" in second[1]
    assert all("FOUND 100" in output for _, output in (first, second, other, last))
    assert numbers(other[1])[0] != jvm, "other properties need another JVM"
    assert numbers(last[1])[0] == jvm
    assert gone(jvm), "nobody comes after the last job"


def worker_of(output):
    """Process ids of a worker and of its daemon, and what its first task found: imported libraries, their threads."""
    worker, daemon, imported = re.search(r"WORKER (\d+) DAEMON (\d+) (IMPORTED .*)", output).groups()
    return int(worker), int(daemon), imported


@pytest.mark.services
def test_workers_are_forked_with_the_libraries_imported_and_end_with_their_job(jobs):
    for _ in range(2):  # the first may be asked for before everything is imported
        status, output = jobs.run("0", "workers")
        assert status == 0, output
        worker, daemon, imported = worker_of(output)
        until("the job's workers are gone", lambda gone=(worker, daemon): not any(map(psutil.pid_exists, gone)))
    # Polars must not be forked; Spark allows a task one thread of each library.
    assert imported == "IMPORTED ['pandas'] THREADS [1]"


@pytest.mark.services
def test_a_jvm_that_is_killed_ends_the_job_as_it_would_end_a_submission_and_the_workers_with_it(jobs):
    status, output = jobs.run("kill", "workers")
    worker, daemon, _ = worker_of(output)
    assert status == 137, output
    until("the job's workers are gone", lambda: not any(map(psutil.pid_exists, (worker, daemon))))


def test_where_nobody_forks_the_process_that_spark_started_is_the_daemon(tmp_path):
    argv = [sys.executable, "-m", "afterbell.cluster.warm.workers"]
    env = os.environ | {WORKERS: str(tmp_path / "nobody.workers"), "PYTHONPATH": str(ROOT / "include")}
    with subprocess.Popen(argv, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        port = int.from_bytes(process.stdout.read(4), "big")
        with socket.create_connection(("127.0.0.1", port)) as asked:  # as Spark asks for a worker
            worker = int.from_bytes(asked.recv(4), "big")
            assert psutil.Process(worker).ppid() == process.pid
        process.stdin.close()
    until("its workers are gone", lambda: not psutil.pid_exists(worker))


@pytest.mark.services
def test_a_job_that_fails_hands_its_status_on_and_ends_the_jvm(jobs):
    _, before = jobs.run("0")
    status, output = jobs.run("64")
    assert (status, numbers(output)[0]) == (64, numbers(before)[0])
    assert gone(numbers(before)[0])
    status, output = jobs.run("0", warm="0")
    assert (status, list(jobs.doors.iterdir())) == (0, []), output
    assert jobs.doors.stat().st_mode & 0o777 == 0o700, "whoever may knock may run a job"


@pytest.mark.services
def test_killing_the_submitter_ends_its_job(jobs):
    with jobs.start("wait") as process:
        jvm, python, _ = numbers(read_until(process, "TOLD"))
        process.kill()
    assert gone(jvm)
    assert gone(python)


@pytest.mark.services
def test_a_jvm_that_nobody_asks_ends(jobs):
    _, output = jobs.run("0", warm="2")
    assert gone(numbers(output)[0])
    assert list(jobs.doors.iterdir()) == []


def test_the_next_job_is_waited_for_as_long_as_was_asked_and_no_longer(tmp_path, monkeypatch):
    clock = iter(range(100))  # a second passes between two looks
    monkeypatch.setattr(serve, "time", SimpleNamespace(monotonic=lambda: float(next(clock))))
    monkeypatch.setattr(serve, "_LOOK", 0.001)
    door = tmp_path / "door"
    workers = serve.Workers(tmp_path / "workers")
    with workers.socket:
        assert serve._next(listen(door), door, 60.0, os.getppid(), workers) == (None, None)
    assert next(clock) == 60 + 1, "the last look at the clock finds that the sixty seconds are over"
    assert not door.exists()


@pytest.mark.services
def test_a_submission_that_cannot_start_says_so(jobs, monkeypatch):
    monkeypatch.setenv("JDK_JAVA_OPTIONS", "-XX:NoSuchOption")
    status, output = jobs.run("0")
    assert status == 1
    assert "NoSuchOption" in output


@pytest.mark.services
def test_a_file_system_without_sockets_costs_the_next_job_its_warm_start_and_no_more(jobs):
    jobs.doors.symlink_to("/proc/self/fdinfo", target_is_directory=True)
    status, output = jobs.run("0")
    assert (status, "FOUND 100" in output) == (0, True), output
    assert "this step's JVM is not kept for the next" in output


def test_options_are_told_from_the_script_and_its_arguments():
    given = [
        "--master",
        "local[*]",
        "--verbose",
        "--conf=a=b",
        "--name",
        "x",
        "--py-files",
        "l.zip",
        "s.py",
        "--name",
        "y",
    ]
    assert parted(given) == (
        ["--master", "local[*]", "--verbose", "--conf=a=b", "--py-files", "l.zip"],
        "s.py",
        ["--name", "y"],
    )
    with pytest.raises(ValueError, match="no script among the arguments: --master local"):
        parted(["--master", "local"])


@pytest.mark.parametrize(
    ("options", "changed", "alike"),
    [
        (["--master", "local[*]"], {"AIRFLOW_CTX_TASK_ID": "train", "__AIRFLOW_FD": "9", "SHLVL": "3"}, True),
        (["--master", "local[*]"], {"AFTERBELL_WARM": "0"}, True),
        (["--master", "local[2]"], {}, False),
        (["--master", "local[*]"], {"AWS_SECRET_ACCESS_KEY": "other"}, False),
        (["--master", "local[*]"], {"AFTERBELL_LAKE_WAREHOUSE": "file:/other"}, False),
    ],
)  # fmt: skip
def test_jobs_are_alike_in_all_that_a_jvm_holds(options, changed, alike):
    env = {"AFTERBELL_LAKE_WAREHOUSE": "file:/one", "AWS_SECRET_ACCESS_KEY": "k", "AIRFLOW_CTX_TASK_ID": "ingest"}
    own = likeness("spark-submit", ["--master", "local[*]"], env)
    assert (likeness("spark-submit", options, env | changed) == own) is alike
