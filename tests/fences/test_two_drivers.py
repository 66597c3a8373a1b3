"""Two drivers for one step at once commit once: as when a worker dies and its driver lives on beside the retry's.

Every step of the daily run, by two real drivers on one lake, with exact interleavings: both stop before the commit.
On the first session both go on then, one after the other; on the second the one hangs until the other has done its
step and all later ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from afterbell.config.runtime import Runtime
from afterbell.run.steps import STEPS, inputs_of, step_named
from afterbell.simulation.feed import deliveries
from afterbell.simulation.market import MarketSpec, simulate
from afterbell.stores.artifacts import ArtifactStore
from afterbell.stores.upload import upload
from tests.ingest.writers import Writer
from tests.small import SESSIONS, SYMBOLS, small_config

pytestmark = pytest.mark.services
OPENED = {"origin": "manual"}
FIRST, SECOND = "2026-06-29", "2026-06-30"
SAME = {
    "validate": ("bars_snapshot", "actions_snapshot", "filings_snapshot"),
    "features": ("features_snapshots", "definition_hashes"),
    "train": ("candidate_id", "oos_snapshot"),
    "evaluate": ("candidate_id", "verdict", "reason", "metrics"),
    "publish": ("release_id", "published"),
    "score": ("signals_snapshot", "commit_id", "rows"),
}
"""What of a step's result must not depend on which of the two drivers tells it."""


class Duel:
    """Two drivers, and what they answered."""

    def __init__(self, one: Writer, other: Writer) -> None:
        self.one, self.other = one, other
        self.both: dict[str, list[dict[str, Any]]] = {}
        self.hung: dict[str, dict[str, Any]] = {}
        self.seen: dict[str, Any] = {}

    def side_by_side(self, session: str) -> None:
        """Each step by both, up to the commit; then the one commits, and the other."""
        results: list[dict[str, Any]] = [OPENED]
        for step in STEPS:
            for writer in (self.one, self.other):
                self._tell(writer, step, session, results, stop=True)
                answer = writer.answer()
                assert "stopped" in answer, f"{step} did not come to its commit: {answer}\n{writer.tail()}"
            self.both[step] = [self._go_on(writer) for writer in (self.one, self.other)]
            self._well(step, *self.both[step])
            results.append(self.both[step][0])
        self.seen["side by side"] = self.other.ask("seen")["done"]

    def hang(self, session: str) -> None:
        """At each step the one hangs before its commit, the other does this step and all that follow."""
        done: list[dict[str, Any]] = [OPENED]
        for number, step in enumerate(STEPS):
            self._tell(self.one, step, session, done[: number + 1], stop=True)
            held = self.one.answer()
            if number == 0:
                for later in STEPS:
                    self._tell(self.other, later, session, done)
                    done.append(self.other.answer()["done"])
                    self._well(later, done[-1])
                self.seen["done"] = self.other.ask("seen")["done"]
            self.hung[step] = self._go_on(self.one) if "stopped" in held else held["done"]
            self.seen[f"after {step}"] = self.other.ask("seen")["done"]

    def _tell(self, writer: Writer, step: str, session: str, results: list[Any], *, stop: bool = False) -> None:
        command = {
            "name": step,
            "session": session,
            "run_id": f"run-{session}",
            "inputs": inputs_of(step_named(step), results).to_json(),
        }
        writer.tell("step", **command, **({"stop": True} if stop else {}))  # type: ignore[arg-type]

    def _well(self, step: str, *results: dict[str, Any]) -> None:
        """What follows needs the result of ``step``: where it failed, say how, and not what the next step misses."""
        if any(result["status"] for result in results):
            raise AssertionError(f"{step} failed: {results}\n{self.one.tail()}\n{self.other.tail()}")

    @staticmethod
    def _go_on(writer: Writer) -> dict[str, Any]:
        writer.tell("")
        found: dict[str, Any] = writer.answer()["done"]
        return found


@pytest.fixture(scope="module")
def duel(services: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Duel]:
    home: Path = tmp_path_factory.mktemp("fences")
    stores = services.env | {
        "AFTERBELL_FEED_BUCKET": "fences-feed",
        "AFTERBELL_ARTIFACT_BUCKET": "fences-artifacts",
        "AFTERBELL_HDFS_ROOT": "/fences",
        "AFTERBELL_CONFIG": str(small_config(home / "config")),
    }
    runtime = Runtime.from_env(stores)
    spec = MarketSpec(symbols=SYMBOLS, sessions=SESSIONS, last_session=date.fromisoformat(SECOND))
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, stores[name])
        ArtifactStore(runtime.s3).ensure_bucket()
        upload(deliveries(simulate(spec)), runtime)
        writers = [Writer(home, stores, "tests/fences/scenario_rival.py") for _ in range(2)]
        for writer in writers:
            stack.callback(writer.close)
        for writer in writers:
            assert writer.answer() == {"ready": True}
        found = Duel(*writers)
        found.side_by_side(FIRST)
        found.hang(SECOND)
        yield found


@pytest.mark.parametrize("step", STEPS)
def test_both_end_well_and_tell_the_same(duel: Duel, step: str) -> None:
    one, other = duel.both[step]
    assert (one["status"], other["status"]) == (0, 0), (one, other)
    assert {name: one[name] for name in SAME.get(step, ())} == {name: other[name] for name in SAME.get(step, ())}


def test_nothing_stands_twice_and_there_is_one_release(duel: Duel) -> None:
    seen = duel.seen["side by side"]
    assert all(seen["rows"].values())
    assert set(seen["twice"].values()) == {0}
    assert len(seen["releases"]) == 1
    assert [seen["champion"]] == seen["releases"]


def test_each_try_is_on_record(duel: Duel) -> None:
    runs = duel.seen["side by side"]["runs"]
    tries = {step: sum(row[3] for row in runs if row[:2] == [f"run-{FIRST}", step]) for step in STEPS}
    assert tries == dict.fromkeys(STEPS, 2) | {"publish": 0}


@pytest.mark.parametrize("step", STEPS)
def test_a_driver_that_hung_changes_nothing_once_its_retry_and_the_rest_are_done(duel: Duel, step: str) -> None:
    told, done = duel.seen[f"after {step}"], duel.seen["done"]
    assert duel.hung[step]["status"] == 0, duel.hung[step]
    assert {name: told[name] for name in ("rows", "twice", "releases", "champion")} == {
        name: done[name] for name in ("rows", "twice", "releases", "champion")
    }


def test_the_branches_of_lost_races_are_dropped(duel: Duel) -> None:
    left = {name for branches in duel.seen[f"after {STEPS[-1]}"]["branches"].values() for name in branches}
    assert not any(name.startswith("audit_append_") for name in left)
