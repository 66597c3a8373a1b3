"""Marks of active daily runs: a lease in the artifact store that each of their steps renews.

A backfill looks at the marks and waits. They are a courtesy and decide nothing: a run that died leaves its mark, which
counts for half an hour, and two writers that meet nevertheless are kept apart by the lake's commits.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from afterbell.run.steps import EXPERIMENT_RUNS, STEPS
from afterbell.stores.artifacts import ArtifactStore
from afterbell.stores.lease import Lease, list_leases

PREFIX = "active/"
COUNTS_FOR = timedelta(minutes=30)
"""How long a mark that is not renewed counts: longer than a step of a daily run should take."""
_PATIENCE = 5.0


@contextmanager
def at_work(step: str, run_slug: str, opened: Callable[[], ArtifactStore]) -> Iterator[None]:
    """Mark a daily run during a step, and until its next step; steps of other runs leave no mark.

    Args:
        step: its name.
        run_slug: the run's id, as a segment of a path.
        opened: opens the store. It is used in another thread: the step neither waits for it nor fails with it.
    """
    if step not in STEPS or run_slug.startswith(EXPERIMENT_RUNS):  # whose steps go by the same names
        yield
        return
    lease = Lease(opened, f"{PREFIX}{run_slug}.json")
    marking = threading.Thread(target=_mark, args=(lease, step), daemon=True)
    marking.start()
    over = True
    try:
        yield
        over = step == STEPS[-1]
    finally:
        if over:
            marking.join(_PATIENCE)
            lease.give_back()


def active(store: ArtifactStore, now: datetime) -> list[str]:
    """The ids, as slugs, of the daily runs that are at work at ``now``."""
    keys = list_leases(store, PREFIX, now, COUNTS_FOR)
    return [key.removeprefix(PREFIX).removesuffix(".json") for key in keys]


def _mark(lease: Lease, step: str) -> None:
    lease.renew(json.dumps({"step": step, "at": datetime.now(UTC).isoformat()}).encode())
