"""Results of fits in the artifact store, so that a driver that is killed and comes back repeats none.

One object a task, ``fits/<run>/<digest>.fits``: a line with the format, a line with the SHA-256 of all that follows, a
line of JSON that describes each result, then the bytes of models and predictions. A result is found by the identity of
its fit, which everything that decides its bytes is part of. An object that is broken is left alone, and its fits are
repeated. The run removes its records once its candidate is complete; ``maintenance`` those of runs that never were.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from functools import cache
from types import TracebackType

from pydantic import BaseModel, ConfigDict, NonNegativeInt, ValidationError

from afterbell.config.runtime import S3Location
from afterbell.errors import AfterbellError
from afterbell.provenance import code_version, environment_versions
from afterbell.stores.artifacts import ArtifactStore
from afterbell.stores.retry import Retry, Timeouts
from afterbell.training.families import FAMILIES
from afterbell.training.fan_out import Job
from afterbell.training.fits import Fit, FitResult

ROOT = "fits"
_FORMAT = b"afterbell-fits/1"
_SUFFIX = ".fits"
_READERS = 8
_MOST = 512 * 1024 * 1024
"""Largest object, in bytes: what is larger is not recorded."""


class _Entry(BaseModel):
    """One result; ``model`` and ``predictions`` are numbers of bytes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    identity: str
    reason: str
    broken: bool
    rows: NonNegativeInt
    seconds: float
    model: NonNegativeInt
    predictions: NonNegativeInt


@dataclass(frozen=True)
class Recorded:
    """A result, but for its fit: see ``FitResult``."""

    reason: str
    broken: bool
    rows: int
    seconds: float
    model: bytes
    predictions: bytes

    def result_of(self, fit: Fit) -> FitResult:
        """The result of ``fit``."""
        return FitResult(
            fit,
            self.reason,
            broken=self.broken,
            rows=self.rows,
            model=self.model,
            predictions=self.predictions,
            seconds=self.seconds,
        )


class _Header(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    results: tuple[_Entry, ...]


def identity_of(job: Job, made_from: Mapping[str, object]) -> str:
    """64 hexadecimal digits that everything decides that decides the bytes of a fit's result.

    Args:
        job: the fit.
        made_from: what its matrix was made from.
    """
    fit, spec = job.fit, job.spec
    decided_by = {
        "matrix": made_from,
        "fit": {name: value for name, value in asdict(fit).items() if name != "block" or value is not None},
        "judge": repr(job.judge),
        "params": spec.families.named()[fit.family].model_dump(mode="json"),
        "seeds": [fit.seed(spec), fit.sample_seed(spec)],
        "target": spec.target,
        "train_rows": [spec.min_train_rows, spec.max_train_rows],
        "code": code_version(),
        "environment": _environment(fit.family),
        **spec.model_dump(mode="json", include={"weights", "early_stopping", "ensemble", "grouping"}),
    }
    return hashlib.sha256(json.dumps(decided_by, sort_keys=True, default=str).encode()).hexdigest()


@cache
def _environment(family: str) -> dict[str, str]:
    return environment_versions(FAMILIES[family].packages)


def encode(identities: Sequence[str], results: Sequence[FitResult]) -> bytes:
    """The bytes of an object with ``results``, each under its identity."""
    entries = tuple(
        _Entry(
            identity=identity,
            reason=result.reason,
            broken=result.broken,
            rows=result.rows,
            seconds=result.seconds,
            model=len(result.model),
            predictions=len(result.predictions),
        )
        for identity, result in zip(identities, results, strict=True)
    )
    payload = b"".join(part for result in results for part in (result.model, result.predictions))
    content = _Header(results=entries).model_dump_json().encode() + b"\n" + payload
    return b"\n".join([_FORMAT, hashlib.sha256(content).hexdigest().encode(), content])


def decode(body: bytes) -> dict[str, Recorded]:
    """The results in an object by identity; nothing of one that is broken."""
    mark, _, rest = body.partition(b"\n")
    digest, _, content = rest.partition(b"\n")
    if mark != _FORMAT or hashlib.sha256(content).hexdigest().encode() != digest:
        return {}
    line, _, payload = content.partition(b"\n")
    try:
        entries = _Header.model_validate_json(line).results
    except ValidationError:
        return {}
    if sum(entry.model + entry.predictions for entry in entries) != len(payload):
        return {}
    results, start = {}, 0
    for entry in entries:
        middle, end = start + entry.model, start + entry.model + entry.predictions
        results[entry.identity] = Recorded(
            entry.reason, entry.broken, entry.rows, entry.seconds, payload[start:middle], payload[middle:end]
        )
        start = end
    return results


def record_store(location: S3Location) -> ArtifactStore:
    """The artifact store for records: one that doesn't answer is given up soon, since fits go on without."""
    return ArtifactStore(location, Retry(attempts=3, waits=False), timeouts=Timeouts(connect=5.0, read=20.0))


class FitRecords(AbstractContextManager["FitRecords"]):
    """The records of one run; a context that ends once what is being written is.

    A store that can't be read or written costs a warning and the records, never the run.
    """

    def __init__(
        self, store: ArtifactStore, run: str, made_from: Mapping[str, object], tell: Callable[[str], None]
    ) -> None:
        """Nothing is read or written yet.

        Args:
            store: where records lie.
            run: decided by everything that decides a run, and no other has it.
            made_from: what the matrix was made from.
            tell: called with a line of text, from any thread.
        """
        self._store, self._prefix = store, f"{ROOT}/{run}/"
        self._made_from, self._tell = made_from, tell
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="fit records")
        self._off = threading.Event()
        self._earlier: dict[str, Recorded] | None = None

    def read(self, jobs: Sequence[Job]) -> dict[int, FitResult]:
        """The results that an earlier try of this run recorded, by the place of their job in ``jobs``.

        The store is read once, however often this is called.
        """
        if self._earlier is None:
            self._earlier = self._read_all()
        if not self._earlier:
            return {}
        identities = [identity_of(job, self._made_from) for job in jobs]
        return {
            number: self._earlier[identity].result_of(jobs[number].fit)
            for number, identity in enumerate(identities)
            if identity in self._earlier
        }

    def _read_all(self) -> dict[str, Recorded]:
        try:
            keys = [entry.key for entry in self._store.list(self._prefix)]
        except AfterbellError as error:
            self._give_up("read", error)
            return {}
        with ThreadPoolExecutor(_READERS) as pool:
            earlier = {identity: one for found in pool.map(self._read_object, keys) for identity, one in found.items()}
        if earlier:
            self._tell(f"{len(earlier)} fits were recorded by an earlier try of this run")
        return earlier

    def _read_object(self, key: str) -> dict[str, Recorded]:
        try:
            return decode(self._store.get(key, _MOST))
        except AfterbellError as error:
            self._tell(f"warning: {key} could not be read, its fits are repeated: {error}")
            return {}

    def add(self, jobs: Sequence[Job], results: Sequence[FitResult]) -> None:
        """Record the results of one task, in a thread of its own."""
        if not self._off.is_set():
            self._writer.submit(self._write, tuple(jobs), tuple(results))

    def _write(self, jobs: Sequence[Job], results: Sequence[FitResult]) -> None:
        if self._off.is_set():
            return
        try:
            identities = [identity_of(job, self._made_from) for job in jobs]
            body = encode(identities, results)
            if len(body) <= _MOST:
                name = hashlib.sha256("".join(identities).encode()).hexdigest()[:32]
                self._store.put(f"{self._prefix}{name}{_SUFFIX}", body, "application/octet-stream")
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not end the run
            self._give_up("written", error)

    def _give_up(self, what: str, error: Exception) -> None:
        self._off.set()
        self._tell(
            f"warning: results of fits could not be {what} in {self._prefix}: {type(error).__name__}: {error}; this "
            "run goes on, but if its driver is killed the next repeats its fits"
        )

    def remove(self) -> None:
        """Remove what the run recorded: its candidate is complete."""
        self._finish()
        try:
            for entry in self._store.list(self._prefix):
                self._store.delete(entry.key)
        except AfterbellError as error:
            self._tell(f"warning: {self._prefix} was not removed, maintenance will: {error}")

    def _finish(self) -> None:
        self._writer.shutdown(wait=True)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Finish what is being written."""
        self._finish()
