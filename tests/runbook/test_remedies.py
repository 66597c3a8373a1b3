"""Every remedy of ``docs/runbook.md``, carried out literally, at each point of a run at which it may be needed."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT, Services
from tests.runbook.document import errors
from tests.runbook.scenario_remedies import CASES
from tests.runbook.world import FIRST, SECOND, THIRD
from tests.spark_run import run_scenario

ASKED = os.environ.get("REMEDIES", "")
CHOSEN = [name for name in ASKED.split(";") if name in CASES]
"""``REMEDIES=all make test T=tests/runbook`` carries out all of them, ``REMEDIES='roll back;promote'`` a few."""
EVERY = [f"{name} @ {point}" for name, (_, points) in CASES.items() if name in (CHOSEN or CASES) for point in points]
ROLLED_BACK = [each for each in EVERY if each.startswith(("roll back", "promote"))]
ELSEWHERE = {
    "StoreUnavailableError": "tests/faults/test_outage.py",
    "StoreFullError": "tests/faults/test_outage.py",
    "UnknownOutcomeError": "tests/faults/test_outage.py",
    "ClusterUnavailableError": "tests/airflow/test_rest_mesos.py",
    "NoResourcesError": "tests/cluster/test_watch.py",
    "EnvironmentMismatchError": "tests/cluster/test_environment_check.py",
    "OutOfMemoryError": "tests/airflow/test_results.py",
    "driver ": "tests/airflow/test_cluster_step.py",
    "OvertakenError": "tests/run/test_job.py",
    "UnprovenPointerError": "tests/release/test_trusted.py",
    "ConfigError": "tests/config/test_loader.py",
}
"""Errors whose remedy is about a cluster, a store or a file, and the tests that carry it out."""


@pytest.fixture(scope="module")
def seen(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    if not ASKED:
        pytest.skip("42 runs in one driver take a quarter of an hour: REMEDIES=all make test T=tests/runbook")
    services: Services = request.getfixturevalue("services")
    env = services.env | {"SERVICES_HOME": services.env["AFTERBELL_HOME"], "REMEDIES": ";".join(CHOSEN)}
    return run_scenario("tests/runbook/scenario_remedies.py", tmp_path_factory.mktemp("remedies"), env, own_java=True)


@pytest.mark.parametrize("case", EVERY)
def test_after_the_remedy_the_run_ends_well(seen: dict[str, Any], case: str) -> None:
    assert seen[case]["error"] == "", seen[case]["trail"]


@pytest.mark.parametrize("case", EVERY)
def test_after_the_remedy_the_lake_has_the_rows_of_an_undisturbed_run(seen: dict[str, Any], case: str) -> None:
    expected = seen["undisturbed"]["rows"]
    if case.startswith("ValidationFailedError, released"):  # a third of the session's symbols, let in by a person
        assert seen[case]["rows"]["market.bars"] < expected["market.bars"]
        assert seen[case]["rows"]["twice"] == 0
        return
    assert {**seen[case]["rows"], "raw.drops": 0} == {**expected, "raw.drops": 0}


@pytest.mark.parametrize("case", sorted(set(EVERY) - set(ROLLED_BACK)))
def test_after_the_remedy_the_sessions_release_serves_and_has_scored_it(seen: dict[str, Any], case: str) -> None:
    found = seen[case]
    assert found["champion"].startswith(THIRD.isoformat())
    assert found["champion"] in found["signals"]


@pytest.mark.parametrize("case", ROLLED_BACK)
def test_after_a_move_by_hand_whoever_serves_at_the_end_has_scored_the_session(seen: dict[str, Any], case: str) -> None:
    found = seen[case]
    assert found["champion"] in found["signals"]
    _, _, point = case.partition(" @ ")
    # A candidate of a later session competes with the one that a person chose; once it was published, it was the one
    # that was rolled back.
    after_publish = point in {"publish", "score"}
    chosen = FIRST if case.startswith("promote") else SECOND
    assert found["champion"].startswith((chosen if after_publish else THIRD).isoformat())


def test_no_case_made_a_release_that_an_undisturbed_run_does_not(seen: dict[str, Any]) -> None:
    sessions = [FIRST.isoformat(), SECOND.isoformat(), THIRD.isoformat()]
    for case in EVERY:
        assert [name[:10] for name in seen[case]["releases"]] == sessions, case


def test_every_error_of_the_table_has_its_remedy_tried() -> None:
    """Here, or by the tests that are named; a new row asks for its own."""
    here = {name.partition(",")[0] for name in CASES}
    for error in errors():
        kinds = re.findall(r"\w+Error", error) or ["driver "]
        for kind in kinds:
            if kind in here:
                continue
            assert kind in ELSEWHERE, f"no test carries out the remedy of {error}"
            text = (ROOT / ELSEWHERE[kind]).read_text(encoding="utf-8")
            assert kind.removesuffix("Error") in text, f"{ELSEWHERE[kind]} doesn't speak of {kind}"


def test_the_tests_that_are_named_are_there() -> None:
    assert all(Path(ROOT / file).is_file() for file in ELSEWHERE.values())
