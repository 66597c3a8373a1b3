"""The outcome of a step: its result in the artifact store, or the reason of its failure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from airflow.sdk.exceptions import AirflowException, AirflowFailException

from afterbell.airflow.outage import WAITED_FOR, StoreAwayError
from afterbell.cluster.driver import EXIT_PERMANENT
from afterbell.cluster.managers import refusal_in
from afterbell.cluster.sizing import memory_hint
from afterbell.config.environment import HOME
from afterbell.config.runtime import Runtime
from afterbell.config.s3_keys import ARTIFACTS, keys_of
from afterbell.errors import ConfigError, ObjectMissingError, PreconditionFailedError, UnknownOutcomeError
from afterbell.run.contracts.base import Inputs, Result
from afterbell.run.contracts.notes import AttemptNote, StepFailure
from afterbell.run.contracts.opened import OpenedRun
from afterbell.run.job import attempt_key, failure_key, result_key
from afterbell.run.steps import Out_co, Step, step_named
from afterbell.stores.artifacts import ArtifactStore
from afterbell.stores.retry import waiting_until

_MESSAGE = re.compile(r"^\s*(?P<step>\w+): (?P<kind>\w+Error): (?P<text>.*)$", re.MULTILINE | re.DOTALL)
_LINE = re.compile(r"^\s*(?P<step>\w+): (?P<kind>\w+Error): (?P<text>.*)$", re.MULTILINE)
_STATUS = re.compile(rf"(Error code is|exit status):? {EXIT_PERMANENT}\b")
Key = Callable[[date, str, str], str]
Noted = TypeVar("Noted", Result, StepFailure, AttemptNote)
_NOISE = re.compile(r"^\d\d/\d\d/\d\d \d\d:\d\d:\d\d (INFO|WARN|ERROR) .*$")


def read_result(environment: Mapping[str, str], run: OpenedRun, step: Step[Inputs, Out_co]) -> Out_co:
    """The result that ``step`` wrote into the artifact store at its end; retries up to the run's deadline.

    Raises:
        AirflowFailException: what lies there is not a result of the step.
    """
    key = result_key(run.session, run.run_id, step.name)
    with waiting_until(run.deadline):
        body = _store(environment).get(key)
    try:
        return step.result.read(body)
    except ConfigError as error:
        raise AirflowFailException(f"{key}: {error}") from error


def _store(environment: Mapping[str, str]) -> ArtifactStore:
    location = Runtime.from_env({HOME: "."} | dict(environment)).s3
    return ArtifactStore(location, keys=keys_of(ARTIFACTS, environment))


@dataclass(frozen=True)
class AttemptNotes:
    """Messages between a driver on the cluster and its submitter, through the artifact store.

    Every method may raise ``StoreUnavailableError`` and ``StoreConfigError``.

    Attributes:
        session: ISO date.
        run_id: of the run.
        step: of the driver.
        token: of the attempt.
    """

    session: str
    run_id: str
    step: str
    token: str

    def announce(self, environment: Mapping[str, str]) -> None:
        """Make this attempt the newest: drivers of older attempts that have not started will not start."""
        _store(environment).put(self._key(attempt_key), json.dumps(AttemptNote(attempt=self.token).to_json()).encode())

    def mark_killed(self, environment: Mapping[str, str]) -> None:
        """Mark this attempt's driver as no longer needed; nothing happens if a newer attempt was announced."""
        store, key = _store(environment), self._key(attempt_key)
        try:
            body, etag = store.get_with_etag(key)
            if AttemptNote.read(body).attempt == self.token:
                note = AttemptNote(attempt=self.token, killed=True)
                store.put_if_match(key, json.dumps(note.to_json()).encode(), etag)
        except (ObjectMissingError, PreconditionFailedError, UnknownOutcomeError):
            return

    def killed(self, environment: Mapping[str, str]) -> bool:
        """Whether ``mark_killed`` was called for this attempt."""
        note = self._read(environment, attempt_key, AttemptNote)
        return note is not None and note.killed

    def result(self, environment: Mapping[str, str]) -> Result | None:
        """The result of this attempt; None if there is no result, or only that of another attempt."""
        return self._read(environment, result_key, step_named(self.step).result)

    def failure(self, environment: Mapping[str, str]) -> StepFailure | None:
        """The reason why this attempt failed; None as for ``result``."""
        return self._read(environment, failure_key, StepFailure)

    def _read(self, environment: Mapping[str, str], key: Key, model: type[Noted]) -> Noted | None:
        try:
            document = model.read(_store(environment).get(self._key(key)))
        except ObjectMissingError:
            return None
        return document if document.attempt == self.token else None

    def _key(self, key: Key) -> str:
        return key(date.fromisoformat(self.session), self.run_id, self.step)


def reason_in(output: str, step: str) -> StepFailure | None:
    """The reason of a failure from the end of a driver's log, as ``AttemptNotes.failure`` gives it; None if not there.

    A driver whose store is away can leave its reason nowhere else.
    """
    for match in _LINE.finditer(output):
        if match["step"] == step:
            return StepFailure(kind=match["kind"], message=match["text"], permanent=False)
    return None


def failure_of(step: str, error: Exception, *, attempt: int = 1, driver_memory: str = "its size") -> AirflowException:
    """The failure of a step with its own message from the tail of its log; permanent failures are not tried again.

    A lack of memory is reported with the setting to raise, and is tried once more at most: the next try rarely has
    more memory.

    Args:
        step: its name.
        error: what the submission ended with: the status, and the tail of the log.
        attempt: the number of this try, from 1.
        driver_memory: what the cluster profile gives the driver, for the hint.
    """
    text = str(error)
    match = _MESSAGE.search(text)
    if match and match["step"] == step:
        lines = [line for line in match["text"].splitlines() if not _NOISE.match(line.strip())]
        message, hint = f"{match['kind']}: " + "\n".join(line.rstrip() for line in lines).rstrip(), ""
    else:
        hint = memory_hint(text, driver_memory)
        message = f"{hint} (in the cluster profile)\n{text}" if hint else text
    if match and match["step"] == step and match["kind"] in WAITED_FOR:
        return StoreAwayError(f"step {step!r} failed: {message}")
    refusal = refusal_in(text)
    final = _STATUS.search(text) or refusal or (hint and attempt > 1)
    kind = AirflowFailException if final else AirflowException
    return kind(f"step {step!r} failed: {refusal.add_to(message) if refusal else message}")
