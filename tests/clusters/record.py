"""Record what a real standalone master and a real Mesos dispatcher answer: ``python -m tests.clusters.record FOLDER``.

The files are frozen in ``tests/cluster/answers``: one JSON document an answer. Run it again for another version of
Spark, and review what changed.
"""

from __future__ import annotations

import json
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.clusters.dispatcher import Dispatcher, dispatcher
from tests.clusters.payloads import mesos_request, standalone_request
from tests.clusters.programs import until
from tests.clusters.rest import Submissions, post
from tests.clusters.standalone import Standalone, standalone

Keep = Callable[[str, Any], Any]
_PENDING = {"QUEUED", "SUBMITTED"}
_ACTIVE = _PENDING | {"RUNNING"}


def _keep_in(folder: Path) -> Keep:
    folder.mkdir(parents=True, exist_ok=True)

    def keep(name: str, answer: Any) -> Any:
        (folder / f"{name}.json").write_text(json.dumps(answer, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        print(folder.name, name, answer.get("driverState", answer.get("success")))
        return answer

    return keep


def _ended(rest: Submissions, driver: str) -> Any:
    def ask() -> Any:
        found = rest.status(driver)
        return found if found.get("driverState") not in _ACTIVE else None

    return until(f"{driver} ended", ask)


def _says(read: Callable[[], str], text: str) -> None:
    until(f"the driver says {text!r}", lambda: text in read())


def record_standalone(cluster: Standalone, scratch: Path, keep: Keep) -> None:
    rest, master = cluster.rest, cluster.master

    def start(*arguments: str, driver: str = "quick.py", **conf: str) -> str:
        return str(rest.create(standalone_request(master, driver, *arguments, **conf))["submissionId"])

    keep("create", rest.create(standalone_request(master, "trivial.py", "print", 'a "b" $(c)')))
    driver = str(json.loads((scratch / "standalone" / "create.json").read_text())["submissionId"])
    keep("status_running", until("it runs", lambda: _running(rest, driver)))
    keep("status_finished", _ended(rest, driver))
    keep("kill_ended", rest.kill(driver))
    keep("status_failed", _ended(rest, start("exit", "64")))
    keep("status_unknown", rest.status("driver-20200101000000-0000"))
    keep("kill_unknown", rest.kill("driver-20200101000000-0000"))
    keep("create_malformed", post(f"{rest.address}/v1/submissions/create", {"action": "CreateSubmissionRequest"}))
    keep("create_wrong_version", post(f"{rest.address}/v2/submissions/create", {}))

    waiting = start("wait", "/nowhere", spark__driver__memory="900g")
    keep("status_submitted", rest.status(waiting))
    keep("kill_submitted", rest.kill(waiting))
    keep("status_killed_submitted", rest.status(waiting))

    driver = start("wait", "/nowhere")
    _says(lambda: cluster.driver_log(driver, "stdout"), "quick driver")
    keep("kill", rest.kill(driver))
    keep("status_killed", _ended(rest, driver))

    driver = start("wait", "/nowhere")
    _says(lambda: cluster.driver_log(driver, "stdout"), "quick driver")
    cluster.kill_driver(driver)
    keep("status_sigkill", _ended(rest, driver))

    driver = start("wait", "/nowhere")
    _says(lambda: cluster.driver_log(driver, "stdout"), "quick driver")
    cluster.kill_master()
    cluster.start_master()
    keep("status_recovered", until("the master answers", lambda: rest.status(driver)))
    until("the workers are back", lambda: cluster.alive() == len(cluster.workers))
    lost = cluster.worker_of(driver)
    cluster.workers[lost].kill()
    keep("status_worker_lost", _ended(rest, driver))


def _running(rest: Submissions, driver: str) -> Any:
    found = rest.status(driver)
    return found if found["driverState"] == "RUNNING" else None


def record_mesos(cluster: Dispatcher, scratch: Path, keep: Keep) -> None:
    rest = cluster.rest

    def start(*arguments: str, driver: str = "quick.py", **conf: str) -> str:
        request = mesos_request(cluster.address, scratch, driver, *arguments, **conf)
        return str(rest.create(request)["submissionId"])

    created = keep("create", rest.create(mesos_request(cluster.address, scratch, "trivial.py", "print", '"a b" $(c)')))
    driver = created["submissionId"]
    keep("status_running", until("it runs", lambda: _with_message(rest, driver)))
    keep("status_finished", _ended(rest, driver))
    keep("kill_ended", rest.kill(driver))
    keep("status_failed", _ended(rest, start("exit", "3")))
    keep("status_failed_permanent", _ended(rest, start("exit", "64")))
    keep("status_unknown", rest.status("driver-20200101000000-0000"))
    keep("kill_unknown", rest.kill("driver-20200101000000-0000"))
    keep("create_malformed", post(f"{rest.address}/v1/submissions/create", {"action": "CreateSubmissionRequest"}))

    waiting = start("wait", "/nowhere", spark__driver__memory="900g")
    keep("status_queued", rest.status(waiting))
    keep("kill_queued", rest.kill(waiting))
    keep("status_killed_queued", rest.status(waiting))

    driver = start("wait", "/nowhere")
    _says(lambda: cluster.driver_log(driver, "stdout"), "quick driver")
    keep("kill", rest.kill(driver))
    keep("status_killed", _ended(rest, driver))

    driver = start("wait", "/nowhere")
    _says(lambda: cluster.driver_log(driver, "stdout"), "quick driver")
    cluster.kill_driver(driver)
    keep("status_sigkill", _ended(rest, driver))

    driver = start("wait", "/nowhere", spark__driver__supervise="true")
    _says(lambda: cluster.driver_log(driver, "stdout"), "quick driver")
    cluster.kill_driver(driver)
    keep("status_retrying", until("it is to be tried again", lambda: _in(rest, driver, "RETRYING")))
    keep("kill_retrying", rest.kill(driver))

    driver = start("wait", "/nowhere")
    _says(lambda: cluster.driver_log(driver, "stdout"), "quick driver")
    keep("frameworks", {"frameworks": cluster.frameworks()})
    cluster.mesos.lose(cluster.task(driver)[0].name)
    keep("status_lost", _ended(rest, driver))

    first, second = start("wait", "/nowhere"), start("wait", "/nowhere")
    for each in (first, second):
        until("it runs", lambda: _with_message(rest, each))  # noqa: B023 - asked at once
    full = mesos_request(cluster.address, scratch, "quick.py", "exit", "0")
    keep("create_queue_full", rest.create(full))
    cluster.kill()
    cluster.start()
    keep("status_after_restart", rest.status(first))
    cluster.task(second)[1].program.kill_all(signal.SIGTERM)  # type: ignore[union-attr]


def _with_message(rest: Submissions, driver: str) -> Any:
    found = rest.status(driver)
    return found if found["driverState"] == "RUNNING" and found.get("message") else None


def _in(rest: Submissions, driver: str, state: str) -> Any:
    found = rest.status(driver)
    return found if found["driverState"] == state else None


if __name__ == "__main__":
    target = Path(sys.argv[1])
    with tempfile.TemporaryDirectory(prefix="afterbell-record-") as folder:
        if "mesos" not in sys.argv[2:]:
            with standalone(Path(folder, "standalone")) as spark:
                record_standalone(spark, target, _keep_in(target / "standalone"))
        with dispatcher(Path(folder, "mesos"), spark__mesos__maxDrivers="2") as mesos:
            record_mesos(mesos, Path(folder), _keep_in(target / "mesos"))
