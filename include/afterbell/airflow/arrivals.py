"""Whether the drops of a session have arrived: what the stores list, judged by the rule of each source."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from afterbell.calendar.sessions import Exchange
from afterbell.config.platform import Folders
from afterbell.config.runtime import Runtime
from afterbell.config.s3_keys import FEED, keys_of
from afterbell.errors import RetryableError
from afterbell.ingest.sources.arrival import complete, unfinished
from afterbell.ingest.sources.source import Source, load_source, load_sources
from afterbell.stores.protocols import StoredObject
from afterbell.stores.retry import Retry

_LISTS = ("complete", "incomplete", "reasons")
Lister = Callable[[Source], list[StoredObject]]


@dataclass(frozen=True)
class Sighting:
    """What one look at the store of a source found for a session.

    Attributes:
        source: its name.
        complete: keys of the session's drops that are all there.
        incomplete: keys of those that are still being written.
        reasons: why each of those is not taken for whole, in their order.
        modified: when the last of the complete ones was written, as an ISO instant in UTC; None if unknown.
        drops: how many drops of any session there are.
        newest: the newest session (ISO date) that there is a drop of; empty where there is none.
        trouble: why the store could not be asked; empty where it answered.
    """

    source: str
    complete: tuple[str, ...] = ()
    incomplete: tuple[str, ...] = ()
    modified: str | None = None
    drops: int = 0
    newest: str = ""
    trouble: str = ""
    reasons: tuple[str, ...] = ()

    @property
    def arrived(self) -> bool:
        """Whether there is a drop, and none that is still being written."""
        return bool(self.complete) and not self.incomplete

    def to_json(self) -> dict[str, Any]:
        """JSON values; nothing of it is secret."""
        return asdict(self) | {name: list(getattr(self, name)) for name in _LISTS}

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Sighting:
        """The sighting that ``to_json`` wrote."""
        return cls(**dict(found) | {name: tuple(found.get(name, ())) for name in _LISTS})


def now() -> datetime:
    """The time, with its zone."""
    return datetime.now(UTC)


def awaited(names: Sequence[str] | None = None) -> tuple[Source, ...]:
    """The sources whose drops a run waits for, expected every session; of ``names`` alone, where given.

    Raises:
        ConfigError: a source's file is wrong.
    """
    found = load_sources() if names is None else tuple(load_source(name) for name in names)
    return tuple(source for source in found if source.arrival.expected == "every_session")


def cut_off(source: Source, session: date) -> datetime:
    """The instant (UTC) after which nobody waits for the drop of ``session``; half days end earlier.

    Raises:
        NotASessionError: the exchange does not trade on that day.
    """
    return Exchange(source.exchange).close(session) + timedelta(minutes=source.arrival.cut_off_minutes)


def runtime_of(environment: Mapping[str, str]) -> Runtime:
    """The stores that the connections lead to; the folder is that of this machine."""
    return Runtime.from_env({"AFTERBELL_HOME": str(Folders.from_env().home)} | dict(environment))


def stores_of(environment: Mapping[str, str]) -> Lister:
    """A way to list the objects of a source; stores are opened when they are first asked.

    Args:
        environment: the variables of a step. The S3 keys among them go to the client, never to ``os.environ``: a
            triggerer runs many waits in one process.
    """
    runtime = runtime_of(environment)
    keys = keys_of(FEED, environment)
    retry = Retry(attempts=2)  # whoever waits asks again soon anyway
    opened: dict[str, Callable[[str], list[StoredObject]]] = {}

    def listing(source: Source) -> list[StoredObject]:
        if source.store not in opened:
            opened[source.store] = _open(source.store)
        return opened[source.store](source.prefix)

    def _open(store: str) -> Callable[[str], list[StoredObject]]:
        if store == "s3":
            from afterbell.stores.s3_bucket import Bucket  # noqa: PLC0415 - boto3 takes a third of a second

            return Bucket(runtime.s3.feed_bucket, runtime.s3, retry, keys=keys).list
        from afterbell.stores.hdfs import HdfsDropStore  # noqa: PLC0415

        hdfs = HdfsDropStore(runtime.hdfs, retry)
        return lambda prefix: list(hdfs.list(prefix))

    return listing


def look(sources: Sequence[Source], session: date, listing: Lister, at: datetime) -> list[Sighting]:
    """Look once for the drops of ``session``.

    A store that does not answer is a sighting with its trouble: a wait goes on over it.

    Raises:
        StoreConfigError: a store refused.
    """
    return [_sighting(source, session, listing, at) for source in sources]


def _sighting(source: Source, session: date, listing: Lister, at: datetime) -> Sighting:
    try:
        found = listing(source)
    except RetryableError as error:
        return Sighting(source.name, trouble=f"{type(error).__name__}: {error}")
    named = [(day, each) for each in found if (day := source.session_of(each.key)) is not None]
    ours = [each for day, each in named if day == session]
    whole, waiting = {each.key for each in complete(source, found, at)}, unfinished(source, found, at)
    written = [each.modified for each in ours if each.key in whole and each.modified is not None]
    return Sighting(
        source.name,
        complete=tuple(each.key for each in ours if each.key in whole),
        incomplete=tuple(each.key for each in ours if each.key not in whole),
        reasons=tuple(waiting.get(each.key, "") for each in ours if each.key not in whole),
        modified=max(written).isoformat() if written else None,
        drops=len(named),
        newest=max(day for day, _ in named).isoformat() if named else "",
    )


def outstanding(sources: Sequence[Source], sightings: Sequence[Sighting], session: date, at: datetime) -> list[Source]:
    """The sources that are worth waiting for at the instant ``at``; none once a source that must not be late is.

    Raises:
        NotASessionError: the exchange does not trade on that day.
    """
    arrived = {sighting.source for sighting in sightings if sighting.arrived}
    missing = [source for source in sources if source.name not in arrived]
    over = [source for source in missing if cut_off(source, session) <= at]
    if any(source.arrival.late == "fail" for source in over):
        return []
    return [source for source in missing if source not in over]
