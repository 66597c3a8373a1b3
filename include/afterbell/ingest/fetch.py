"""Getting the objects that a task reads from their stores, the next ones while one is parsed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from afterbell.errors import ObjectChangedError
from afterbell.ingest.parsing.decode import check_size
from afterbell.ingest.plan import DropTask
from afterbell.sources.rules import RuleSet
from afterbell.sources.source import Source
from afterbell.stores.protocols import DropStore, StoredObject, StoreKind

_AHEAD = 8
"""Objects requested ahead while one is parsed."""
_AT_ONCE = 2
"""Objects fetched at the same time: more threads only take the interpreter from the one that parses."""
_TRIES = 3
"""Of reading an object that is replaced again and again."""
Fetch = Callable[[DropTask], tuple[StoredObject, bytes]]


def fetch_ahead(
    tasks: Sequence[DropTask], sources: Mapping[str, tuple[Source, RuleSet]], fetch: Fetch
) -> Iterator[tuple[DropTask, Callable[[], tuple[StoredObject, bytes]]]]:
    """Each task with a call that returns its object, while the next ones are being fetched.

    Args:
        tasks: the objects, in the order in which they are needed.
        sources: with their rules, by name; an object that is larger than its source allows is not requested.
        fetch: gets an object's bytes and the version they are; safe to call from threads.
    """

    def get(task: DropTask) -> tuple[StoredObject, bytes]:
        check_size(sources[task.source][0], task.key, task.size)
        return fetch(task)

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        futures: deque[Future[tuple[StoredObject, bytes]]] = deque(pool.submit(get, task) for task in tasks[:_AHEAD])
        for number, task in enumerate(tasks):
            future = futures.popleft()
            yield task, future.result
            if number + _AHEAD < len(tasks):
                futures.append(pool.submit(get, tasks[number + _AHEAD]))


class Stores:
    """The stores of tasks, each opened once, when it is first needed; threads may share it."""

    def __init__(self, opener: Callable[[StoreKind], DropStore]) -> None:
        self._opener = opener
        self._open: dict[str, DropStore] = {}

    def open(self, kind: StoreKind) -> DropStore:
        """The store ``kind``."""
        if kind not in self._open:
            self._open[kind] = self._opener(kind)
        return self._open[kind]

    def fetch(self, task: DropTask) -> tuple[StoredObject, bytes]:
        """The version that was listed, or the one that has replaced it since, and its bytes."""
        return read_newest(self.open(task.store), task.as_object())


def read_newest(store: DropStore, entry: StoredObject) -> tuple[StoredObject, bytes]:
    """The version that ``entry`` names, with its bytes; where it was replaced, the version that is there now.

    Raises:
        ObjectChangedError: it was replaced at each of three tries.
        ObjectMissingError: it is gone.
        StoreUnavailableError: the store did not answer, after bounded retries.
    """
    for _ in range(_TRIES - 1):
        try:
            return entry, store.read(entry)
        except ObjectChangedError:
            entry = store.status(entry.key)
    return entry, store.read(entry)
