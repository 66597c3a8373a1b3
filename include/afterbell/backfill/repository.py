"""The documents of backfills in the artifact store."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from afterbell.backfill.documents import PREFIX, BackfillAttempt, BackfillPlan, BackfillRecord, Name, State, key_of
from afterbell.backfill.request import ID
from afterbell.errors import ConfigError, ObjectMissingError, PermanentError, PreconditionFailedError
from afterbell.stores.artifacts import ArtifactStore

Model = TypeVar("Model", bound=BaseModel)
_TRIES = 10


class Shelf:
    """Reads and writes them; two writers of one state lose nothing of each other's."""

    def __init__(self, store: ArtifactStore) -> None:
        self._store = store

    def ids(self) -> list[str]:
        """All backfills, by their range."""
        names = {stored.key.removeprefix(PREFIX).partition("/")[0] for stored in self._store.list(PREFIX)}
        return sorted(name for name in names if ID.fullmatch(name))

    def record(self, backfill_id: str) -> BackfillRecord:
        """The record of a backfill: who asked for what and why.

        Raises:
            ConfigError: no backfill has that id; the message lists the known ones.
        """
        record = self._read(backfill_id, "request", BackfillRecord)
        if record is None:
            raise ConfigError(f"backfill {backfill_id} does not exist; existing: {', '.join(self.ids()) or 'none'}")
        return record

    def plan(self, backfill_id: str) -> BackfillPlan | None:
        """The newest plan; None before the first."""
        return self._read(backfill_id, "plan", BackfillPlan)

    def state(self, backfill_id: str) -> State:
        """The state: the work that is done."""
        return self._read(backfill_id, "state", State) or State(backfill_id=backfill_id)

    def keep(self, record: BackfillRecord) -> BackfillRecord:
        """Store the record of a request; if the same was requested before, that record stays and is returned."""
        key = key_of(record.backfill_id, "request")
        try:
            self._store.put_if_absent(key, _encode(record))
        except PreconditionFailedError:
            return self.record(record.backfill_id)
        return record

    def put_plan(self, plan: BackfillPlan) -> None:
        """Replace the plan."""
        self._store.put(key_of(plan.backfill_id, "plan"), _encode(plan))

    def began(self, backfill_id: str, attempt: BackfillAttempt) -> State:
        """Note one more run of the backfill."""
        return self.change(backfill_id, lambda state: state.began(attempt))

    def change(self, backfill_id: str, how: Callable[[State], State]) -> State:
        """Replace the state by the result of ``how``; safe against other writers."""
        key = key_of(backfill_id, "state")
        for _ in range(_TRIES):
            try:
                made = self._change_once(key, how, State(backfill_id=backfill_id))
            except PreconditionFailedError:
                continue
            return made
        raise PreconditionFailedError(f"{key}: other writers changed it in each of {_TRIES} attempts; try again")

    def _change_once(self, key: str, how: Callable[[State], State], blank: State) -> State:
        try:
            body, etag = self._store.get_with_etag(key)
        except ObjectMissingError:
            made = how(blank)
            self._store.put_if_absent(key, _encode(made))
        else:
            made = how(_parse(key, body, State))
            self._store.put_if_match(key, _encode(made), etag)
        return made

    def _read(self, backfill_id: str, name: Name, model: type[Model]) -> Model | None:
        key = key_of(backfill_id, name)
        try:
            return _parse(key, self._store.get(key), model)
        except ObjectMissingError:
            return None


def _encode(document: BaseModel) -> bytes:
    return document.model_dump_json(indent=1).encode()


def _parse(key: str, body: bytes, model: type[Model]) -> Model:
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise PermanentError(f"{key} is not valid in this version: remove it, and plan again: {error}") from error
