"""How far a step is: a document beside its result, for whoever waits for it."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

_WRITE = 3.0
"""Seconds between documents at least."""


@dataclass
class _Newest:
    """The newest report of this process, which runs one step at a time."""

    told: dict[str, Any] | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


_newest = _Newest()


def report(what: str, done: int, of: int) -> None:
    """Say how far the step of this process is; cheap, and never fails.

    Args:
        what: is counted, in the plural: ``fits``, ``tasks``.
        done: how many of them are.
        of: how many there are.
    """
    now = datetime.now(UTC).isoformat()
    with _newest.lock:
        same = _newest.told is not None and _newest.told["what"] == what and _newest.told["of"] == of
        began = _newest.told["began"] if same and _newest.told is not None else now
        _newest.told = {"what": what, "done": done, "of": of, "began": began, "at": now}


@contextmanager
def reported(write: Callable[[dict[str, Any]], object]) -> Iterator[None]:
    """Hand the newest report to ``write`` every few seconds while the block runs, where there is news.

    A step that takes less than that writes nothing. Whatever goes wrong with a report, the step goes on.
    """
    over = threading.Event()
    with _newest.lock:
        _newest.told = None

    def watch() -> None:
        written = None
        while not over.wait(_WRITE):
            with _newest.lock:
                found = _newest.told
            if found is not None and found != written:
                written = found
                try:
                    write(found)
                except Exception as error:  # noqa: BLE001 - see above
                    print(f"progress could not be told: {type(error).__name__}: {error}", file=sys.stderr, flush=True)

    watcher = threading.Thread(target=watch, name="progress", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()  # a store that hangs must not hold up the step: nobody waits for the thread
