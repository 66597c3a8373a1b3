"""How far the step of a run is, while it runs: a line rewritten on a terminal, now and then a line in a log."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from afterbell.config.runtime import S3Location
from afterbell.durations import format_duration
from afterbell.errors import AfterbellError, ConfigError
from afterbell.run.contracts.notes import StepProgress

_TICK, _LOOK, _SAY = 1.0, 3.0, 30.0
"""Seconds between lines on a terminal, between questions to the store, and between lines in a log."""
_FEW = 3
"""Units that must be done before a rate means anything."""


@dataclass
class Running:
    """The step that runs now; the thread that shows it reads what the follower of the run writes."""

    step: str = ""
    attempt: int = 1
    began: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, step: str, attempt: int) -> None:
        """Note that another step, or another try of it, runs from now on."""
        with self.lock:
            if (step, attempt) != (self.step, self.attempt):
                self.step, self.attempt, self.began = step, attempt, time.time()

    def end(self, step: str) -> None:
        """Note that the step is over."""
        with self.lock:
            if step == self.step:
                self.step = ""

    def now(self) -> tuple[str, int, float]:
        """The step that runs (empty: none), its try, and since when (seconds since the epoch)."""
        with self.lock:
            return self.step, self.attempt, self.began


def describe_progress(report: Mapping[str, object]) -> str:
    """A step's own report in words: ``12 of 40 fits, about 1 min 20 s left``; empty if it is no such report.

    Args:
        report: JSON values of a ``StepProgress``.
    """
    try:
        progress = StepProgress.read(report)
        if progress.began is None or progress.at is None:
            return ""
        done, of, took = progress.done, progress.of, (progress.at - progress.began).total_seconds()
    except (ConfigError, TypeError):  # of two instants one may lack its zone
        return ""
    rest = f", about {format_duration(took / done * (of - done))} left" if _FEW <= done < of and took > 0 else ""
    return f"{done:,} of {of:,} {progress.what}{rest}"


def newest_report(s3: S3Location, session: str, step: str, since: float) -> str:
    """The last progress report of a step in the run of ``session`` after ``since``; empty if there is none."""
    from afterbell.stores.artifacts import ArtifactStore  # noqa: PLC0415 - boto3 takes a third of a second

    newest, text = since, ""
    try:
        store = ArtifactStore(s3)
        for stored in store.list(f"runs/{session}/"):
            if stored.key.endswith(f"/{step}.progress.json"):
                report = json.loads(store.get(stored.key))
                reported_at = datetime.fromisoformat(report["at"]).timestamp()
                if reported_at >= newest:
                    newest, text = reported_at, describe_progress(report)
    except (AfterbellError, KeyError, TypeError, ValueError):
        return ""
    return text


@contextmanager
def shown(
    running: Running,
    look: Callable[[str, float], str],
    update: Callable[[str], None],
    say: Callable[[str], None] | None,
) -> Iterator[None]:
    """Show the running step while the block runs.

    Args:
        running: the step that runs.
        look: what a step has reported since an instant, such as ``newest_report``.
        update: shows a text in place of the one before, on a terminal.
        say: prints a line where there is no terminal; None for silence.
    """
    over = threading.Event()

    def watch() -> None:
        last_look = last_line = time.monotonic()
        report, reported_step = "", ""
        while not over.wait(_TICK):
            now, (step, attempt, began) = time.monotonic(), running.now()
            if not step:
                continue
            if reported_step != step:
                report, reported_step, last_line = "", step, now
            if now - last_look >= _LOOK:
                report, last_look = look(step, began), now
            text = _format_line(step, attempt, time.time() - began, report)
            update(text)
            if say and report and now - last_line >= _SAY:
                say(text)
                last_line = now

    watcher = threading.Thread(target=watch, name="progress", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()  # a store that hangs holds nobody up: nobody waits for the thread


def _format_line(step: str, attempt: int, seconds: float, report: str) -> str:
    again = f", try {attempt}" if attempt > 1 else ""
    return f"{step} is running{again}, {format_duration(round(seconds))}{': ' if report else ''}{report}"
