"""Faults at every point of a run, then what ``docs/runbook.md`` says to do, then the rest of the run; JSON of the ends.

Two sessions have been published. The run of the third is done step by step, and the stores are saved after each step;
each case starts from one of these moments. ``REMEDIES`` names those to try, ``;`` between them; all, if it is empty.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import sys
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from afterbell.run.steps import STEPS
from afterbell.simulation.layout import price_key
from tests.runbook.document import command
from tests.runbook.world import FIRST, SECOND, THIRD, Run, Saved, World

Case = Callable[["Moment"], str]
BEFORE = "before"
POINTS = (BEFORE, *STEPS)
_BAD = b"no gzip at all"


@dataclass
class Moment:
    """The third session's run just after a step (``before``: none)."""

    world: World
    after: str
    run: Run
    trail: list[str]

    @property
    def next(self) -> str:
        """The step that would come now; the last one again, where all are done."""
        place = POINTS.index(self.after) + 1
        return POINTS[min(place, len(POINTS) - 1)]

    def rest(self, since: str = "") -> str:
        """Go on from the step after this moment, or clear ``since`` and all after it."""
        return self.note(self.world.steps(self.run, since or self.next)) if since or self.after != "score" else ""

    def again(self) -> str:
        """``Run the session again``: a new run of it, from the beginning."""
        self.run = self.world.open(THIRD, f"again{len(self.trail)}_{self.after}")
        return self.note(self.world.steps(self.run))

    def command(self, section: str, words: str, **values: str) -> str:
        """Carry out a command of the runbook; what stands for something in it is replaced by ``values``."""
        line = command(section, words)
        for name, value in values.items():
            line = line.replace(name, value)
        said = self.world.command(line)
        assert said.startswith("status 0"), f"{line}: {said}"
        return said

    def note(self, error: str) -> str:
        self.trail.append(error)
        return error

    def clear_what_it_names(self, error: str) -> str:
        """``Clear the task that the message names, and all after it``."""
        assert "StaleInputError" in error, error
        (task,) = set(re.findall(r"clear the task '(\w+)'", error))
        return self.rest(task)


def run_again(now: Moment) -> str:
    return now.again()


def roll_back(now: Moment) -> str:
    now.command("Roll back", "release rollback --reason")
    error = now.rest()
    return now.clear_what_it_names(error) if error else ""


def roll_back_and_score(now: Moment) -> str:
    """After all is done: the signals stay; the session is scored by the current champion."""
    now.command("Roll back", "release rollback --reason")
    return now.rest("publish")


def promote_older(now: Moment) -> str:
    older = next(name for name in releases(now.world) if name.startswith(FIRST.isoformat()))
    now.command("Roll back", "release promote", **{"2026-06-30-ba9876543210": older, '"..."': '"by its name"'})
    error = now.rest()
    return now.clear_what_it_names(error) if error else ""


def releases(world: World) -> list[str]:
    return sorted({each.key.split("/")[1] for each in world.store.list("releases/")})


def not_handed_on(now: Moment) -> str:
    """What the step before handed on is gone, as where its task was cleared alone."""
    now.run.results.pop(now.after)
    try:
        error = now.world.step(now.run, now.next)
    except Exception as stale:  # noqa: BLE001 - the operator's own
        error = f"{type(stale).__name__}: {stale}"
    return now.clear_what_it_names(now.note(error))


def lake_file(table: str) -> Case:
    """A data file of a table is gone; it is put back, and the session is run again."""

    def case(now: Moment) -> str:
        folder = now.world.home / "warehouse" / table
        lost = {path: path.read_bytes() for path in folder.rglob("data/**/*.parquet")}
        for path in lost:
            path.unlink()
        shutil.rmtree(Path(os.environ["AFTERBELL_HOME"]) / "matrices", ignore_errors=True)  # made of them before
        error = now.rest()
        assert "ObjectMissingError" in error, error
        assert any(path.name in error for path in lost), error
        for path, body in lost.items():
            path.write_bytes(body)
        return now.again()

    return case


def artifact(pattern: str, error: str, body: bytes | None, remedy: str) -> Case:
    """An object is gone (``body`` None) or another; it is put back, or the step before is cleared."""

    def case(now: Moment) -> str:
        store = now.world.store
        (key, *_) = [each.key for each in store.list("") if re.fullmatch(pattern, each.key) and _newest(each.key, now)]
        own = store.get(key)
        store.delete(key) if body is None else store.put(key, body)
        said = now.rest()
        assert error in said, said
        if remedy == "put back":
            store.put(key, own)
            return now.again()
        return now.rest(remedy)

    return case


def _newest(key: str, now: Moment) -> bool:
    candidate = str(now.run.results["train"]["candidate_id"])
    return candidate in key or key.startswith(f"releases/{THIRD}")


def corrupt(now: Moment) -> str:
    now.world.deliver(THIRD, _BAD)
    error = now.rest()
    assert "CorruptDropError" in error, error
    now.world.deliver(THIRD)
    return now.again()


def missing(now: Moment) -> str:
    now.world.feed.delete(price_key(THIRD))
    error = now.rest()
    assert "MissingDropsError" in error, error
    now.world.deliver(THIRD)
    return now.again()


def _thin(now: Moment) -> None:
    lines = gzip.decompress(now.world.feed.get(price_key(THIRD))).decode().splitlines()
    now.world.deliver(THIRD, gzip.compress("\n".join(lines[: len(lines) // 3]).encode(), mtime=0))
    error = now.rest()
    assert "validate: ValidationFailedError" in error, error


def refused_and_delivered(now: Moment) -> str:
    _thin(now)
    now.world.deliver(THIRD)
    return now.again()


def refused_and_released(now: Moment) -> str:
    _thin(now)
    said = now.command("A session was refused", "drops refused")
    (refusal,) = re.findall(r"^(\S+)\s+session ", said.partition("\n")[2], re.MULTILINE)
    now.command("A session was refused", "drops release", ID=refusal, **{'"..."': '"the exchange was down"'})
    return now.again()


def held(now: Moment) -> str:
    """Cleared the next morning a run meets a deadline that is over; the session is started again."""
    now.run.deadline = datetime.now(UTC) - timedelta(hours=9)
    error = now.rest()
    assert not error, error
    assert now.run.results["publish"]["reason"].startswith("hold"), now.run.results["publish"]
    return now.again()


def unreadable_document(now: Moment) -> str:
    """``maintenance`` can't read a document, which is removed; then it is run again, and the run goes on."""
    from afterbell.errors import PermanentError  # noqa: PLC0415
    from spark_jobs.maintain import maintain  # noqa: PLC0415
    from tests.steps import step_args  # noqa: PLC0415

    key = f"runs/{THIRD}/somebody/train.json"
    now.world.store.put(key, b"\xff{")
    inputs = {"now": datetime.now(UTC).isoformat(), "dry_run": False}
    args = step_args("maintain", THIRD, "maintenance", datetime.now(UTC) + timedelta(hours=1), inputs)
    with pytest.raises(PermanentError, match=key):
        maintain(args)
    now.world.store.delete(key)
    maintain(args)
    return now.rest()


CASES: dict[str, tuple[Case, tuple[str, ...]]] = {
    "run the session again": (run_again, POINTS[1:]),
    "roll back": (roll_back, POINTS[1:-1]),
    "roll back and score": (roll_back_and_score, ("score",)),
    "promote": (promote_older, ("train", "evaluate", "publish")),
    "StaleInputError": (not_handed_on, POINTS[1:-1]),
    "ObjectMissingError, bars": (lake_file("market/bars"), ("validate", "features")),
    "ObjectMissingError, features": (lake_file("features/core"), ("features", "publish")),
    "ObjectMissingError, predictions": (lake_file("predictions/out_of_sample"), ("train",)),
    "ObjectMissingError, model": (
        artifact(rf"releases/{THIRD}-\w+/models/.*", "ObjectMissingError", None, "put back"), ("publish",)),
    "DigestMismatchError, candidate": (
        artifact(r"candidates/\w+/models/.*", "DigestMismatchError", b"x", "put back"), ("train", "evaluate")),
    "DigestMismatchError, release put back": (
        artifact(rf"releases/{THIRD}-\w+/.*", "DigestMismatchError", b"{}", "put back"), ("publish",)),
    "DigestMismatchError, published again": (
        artifact(rf"releases/{THIRD}-\w+/models/.*", "DigestMismatchError", b"x", "publish"), ("publish",)),
    "CorruptDropError": (corrupt, (BEFORE,)),
    "MissingDropsError": (missing, (BEFORE,)),
    "ValidationFailedError, delivered": (refused_and_delivered, (BEFORE,)),
    "ValidationFailedError, released": (refused_and_released, (BEFORE,)),
    "the deadline was missed": (held, ("train", "evaluate")),
    "maintenance": (unreadable_document, ("ingest", "features", "evaluate")),
}  # fmt: skip


def end(world: World, error: str, trail: list[str]) -> dict[str, Any]:
    """What a case has come to."""
    return {
        "error": error,
        "trail": trail,
        "champion": world.champion(),
        "releases": releases(world),
        "rows": world.rows(),
        "signals": world.signals(THIRD),
    }


def main() -> None:
    home = Path(sys.argv[1]).parent
    chosen = [name for name in os.environ.get("REMEDIES", "").split(";") if name]
    world = World(home, "remedies")
    for day in (FIRST, SECOND):
        error = world.steps(world.open(day, f"{day:%d}"))
        assert not error, error
    run = world.open(THIRD, "own")
    moments: dict[str, tuple[Saved, Run]] = {BEFORE: (world.save(BEFORE), deepcopy(run))}
    for step in STEPS:
        error = world.step(run, step)
        assert not error, error
        moments[step] = (world.save(step), deepcopy(run))
    seen: dict[str, Any] = {"undisturbed": end(world, "", [])}
    for name, (case, points) in CASES.items():
        for point in points:
            if chosen and name not in chosen:
                continue
            saved, before = moments[point]
            world.put_back(saved)
            moment = Moment(world, point, replace(deepcopy(before)), [])
            try:
                error = case(moment)
            except Exception as failed:  # noqa: BLE001 - one case does not end the others
                error = f"{type(failed).__name__}: {failed}"
            seen[f"{name} @ {point}"] = end(world, error, moment.trail)
            print(f"CASE {name} @ {point}: {error or 'done'}", flush=True)
            Path(sys.argv[1]).write_text(json.dumps(seen), encoding="utf-8")


if __name__ == "__main__":
    main()
