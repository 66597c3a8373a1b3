"""Progress of a step: a document beside its result, for those who wait for it."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

_WRITE = 3.0
"""Seconds between documents at least."""


@dataclass
class _Newest:
    """The newest report of this process, which runs one step at a time."""

    document: dict[str, str | int] | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


_newest = _Newest()


def report(what: str, done: int, of: int) -> None:
    """Report how far the step of this process is; cheap, and never fails.

    Args:
        what: the things counted, in the plural: ``fits``, ``tasks``.
        done: how many of them are done.
        of: how many there are.
    """
    now = datetime.now(UTC).isoformat()
    with _newest.lock:
        began: str | int = now
        if _newest.document is not None and _newest.document["what"] == what and int(_newest.document["done"]) <= done:
            began = _newest.document["began"]  # there may be more of them than was known
        _newest.document = {"what": what, "done": done, "of": of, "began": began, "at": now}


@contextmanager
def reported(write: Callable[[dict[str, str | int]], object]) -> Iterator[None]:
    """Pass the newest report to ``write`` every few seconds while the block runs, if it has changed.

    A step that takes less than that writes nothing. Whatever goes wrong with a report, the step goes on.
    """
    over = threading.Event()
    with _newest.lock:
        _newest.document = None

    def watch() -> None:
        written = None
        while not over.wait(_WRITE):
            with _newest.lock:
                document = _newest.document
            if document is not None and document != written:
                written = document
                try:
                    write(document)
                except Exception as error:  # noqa: BLE001 - see above
                    print(
                        f"progress could not be reported: {type(error).__name__}: {error}", file=sys.stderr, flush=True
                    )

    watcher = threading.Thread(target=watch, name="progress", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()  # a store that hangs must not hold up the step: nobody waits for the thread
