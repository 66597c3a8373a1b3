"""What tests of every room may ask for. Nothing starts, and little is imported, before a test asks."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.suite.durations import RECORD, UNKNOWN, read_table

if TYPE_CHECKING:
    from afterbell.config.platform import Folders, Platform
    from afterbell.config.runtime import Runtime
    from afterbell.embedded.stack import Endpoints

ROOT = Path(__file__).resolve().parents[1]
os.environ.pop("COLUMNS", None)  # of a terminal, or of whoever runs tests side by side: lines of answers are read whole


SERVICES = {"services", "s3"}
"""Fixtures that start real services."""
_ALL_SERVICES = "pytestmark = pytest.mark.services"
"""The line of a file whose every test needs them."""


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Where no service is wanted, don't even import the files that need them: half of the time to collect."""
    if config.option.markexpr != "not services" or collection_path.suffix != ".py":
        return None
    return True if _ALL_SERVICES in collection_path.read_text(encoding="utf-8").splitlines() else None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what starts services; the longest come first, so that no worker is left alone with them."""
    seconds: dict[str, float] = defaultdict(float)
    table = read_table()
    for file in {item.nodeid.partition("::")[0] for item in items}:
        seconds[together(file)] += table.get(file, UNKNOWN)
    for item in items:
        if SERVICES & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.services)
    items.sort(key=lambda item: -seconds[together(item.nodeid)])


def together(nodeid: str) -> str:
    """Tests of one file run on one worker, and share what its fixtures started; so do those on one made-up market."""
    file = nodeid.partition("::")[0]
    if "/faults/content/" in file:
        return "content"
    return "planted" if file.endswith(("test_daily_run.py", "test_experiment.py", "test_web_page.py")) else file


def pytest_make_parametrize_id(config: pytest.Config, val: object, argname: str) -> str | None:
    """Bytes don't name a test: gzip writes the time into them, and the workers must agree on the names."""
    return argname if isinstance(val, bytes) else None


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """What belongs together goes to one worker."""
    from xdist.scheduler import LoadScopeScheduling  # noqa: PLC0415 - only where there are workers

    class Together(LoadScopeScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            return together(nodeid)

    return Together(config, log)


_seconds: dict[str, float] = defaultdict(float)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Add up what each file takes, set-up and putting away included."""
    _seconds[report.nodeid.partition("::")[0]] += report.duration


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write it down where the suite asks for it."""
    record = os.environ.get(RECORD)
    if record and not hasattr(session.config, "workerinput"):
        Path(record).write_text(json.dumps({file: round(each, 1) for file, each in _seconds.items()}), encoding="utf-8")


def pytest_configure() -> None:
    """Every JVM that a test starts is short-lived: compiled quickly it does the same in half the processor time."""
    os.environ.setdefault("JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")


@dataclass(frozen=True)
class Services:
    """A real S3 and a real HDFS, and a lake of their own.

    Attributes:
        env: the variables of a step (``AFTERBELL_*``, ``AWS_*``).
        runtime: the same, typed.
        folders: with an AFTERBELL_HOME that only this test session uses.
        platform: the settings they were started with.
        endpoints: addresses and keys.
    """

    env: dict[str, str]
    runtime: Runtime
    folders: Folders
    platform: Platform
    endpoints: Endpoints


@pytest.fixture(scope="session")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """S3 and HDFS for the whole test session, on free ports, stopped at its end whatever happens."""
    from afterbell.config.platform import Folders, Platform  # noqa: PLC0415
    from afterbell.config.runtime import Runtime  # noqa: PLC0415
    from afterbell.embedded import stack  # noqa: PLC0415
    from tests.patience import wait_long_for_services  # noqa: PLC0415

    set_up = Folders.from_env()
    folders = Folders(root=set_up.root, home=tmp_path_factory.mktemp("home"), env=set_up.env)
    platform = Platform()
    wait_long_for_services()
    with stack.running(folders, platform) as endpoints:
        env = stack.step_env(folders, platform, endpoints)
        yield Services(env, Runtime.from_env(env), folders, platform, endpoints)


@pytest.fixture(scope="session")
def market_drops() -> Path:
    """The real drops, where they lie beside the project."""
    drops = ROOT.parent / "shared" / "market" / "us_daily"
    if not drops.is_dir():
        pytest.skip(f"the real drops are not here: {drops} is missing")
    return drops
