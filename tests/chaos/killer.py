"""Kills processes of Airflow at random, each by SIGKILL, from one seed; Airflow's own guards start them again."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil

from afterbell.embedded.process import Supervisor

COMPONENTS = ("scheduler", "api-server", "triggerer", "dag-processor")
WORKER = "airflow worker -- "
_IDLE = "<idle>"


class Killer(threading.Thread):
    """Kills one process every ``every`` seconds on average, until it is told to stop or has killed ``most``.

    A worker is any process of the executor's: one that waits for work, supervises a task, or runs it.
    """

    def __init__(
        self, services: Path, seed: int, every: float, tell: Callable[[str], None], most: int | None = None
    ) -> None:
        super().__init__(name="killer", daemon=True)
        self.killed: Counter[str] = Counter()
        self._supervisor = Supervisor(services)
        self._random = random.Random(seed)
        self._every = every
        self._tell = tell
        self._most = most
        self._over = threading.Event()

    def run(self) -> None:
        """Kill until told to stop."""
        began = time.monotonic()
        while self.killed.total() != self._most and not self._over.wait(self._random.uniform(0.5, 1.5) * self._every):
            kind = self._random.choice((*COMPONENTS, "worker", "worker"))
            victims = self._victims(kind)
            if not victims:
                continue
            victim = self._random.choice(victims)
            with suppress(psutil.NoSuchProcess):
                title = " ".join(victim.cmdline())[:90]
                victim.kill()
                self.killed["idle worker" if _IDLE in title else kind] += 1
                self._tell(f"{time.monotonic() - began:6.0f} s  killed {kind} {victim.pid}: {title}")

    def stop(self) -> None:
        """Kill no more."""
        self._over.set()
        self.join()

    def _victims(self, kind: str) -> list[psutil.Process]:
        record = self._supervisor.records().get("airflow")
        guards = {item.name: item.pid for item in record.components if item.alive} if record else {}
        with suppress(psutil.NoSuchProcess, KeyError):
            if kind in COMPONENTS:
                own = psutil.Process(guards[kind]).children()  # and what others left behind, which the guard took over
                return sorted(own, key=psutil.Process.create_time)[:1]
            return [each for each in psutil.Process(guards["scheduler"]).children(recursive=True) if _is_worker(each)]
        return []


def _is_worker(process: psutil.Process) -> bool:
    try:
        return " ".join(process.cmdline()).startswith(WORKER)
    except psutil.Error:
        return False
