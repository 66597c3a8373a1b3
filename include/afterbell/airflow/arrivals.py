"""Whether the drops of a session have arrived: what the stores list, judged by the rule of each source."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta

from pydantic import JsonValue, TypeAdapter

from afterbell.calendar.sessions import Exchange
from afterbell.config.environment import HOME
from afterbell.config.platform import Folders
from afterbell.config.runtime import Runtime
from afterbell.config.s3_keys import FEED, keys_of
from afterbell.errors import RetryableError
from afterbell.sources.arrival import complete, unfinished
from afterbell.sources.source import Source, load_source, load_sources
from afterbell.stores.protocols import StoredObject
from afterbell.stores.retry import Retry

_LISTS = ("complete", "incomplete", "reasons")
Lister = Callable[[Source], list[StoredObject]]


@dataclass(frozen=True)
class Sighting:
    """Result of one look at the store of a source for the drops of a session.

    Attributes:
        source: its name.
        complete: keys of the session's drops that are complete.
        incomplete: keys of its drops that are still being written.
        reasons: why each of those does not count as complete, in their order.
        modified: when the last of the complete ones was written, as an ISO instant in UTC; None if unknown.
        drops: number of drops of all sessions.
        newest: the newest session (ISO date) with a drop; empty if there are no drops.
        trouble: why the store could not be listed; empty if it answered.
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

    def to_json(self) -> dict[str, JsonValue]:
        """JSON values; none of them is secret."""
        return asdict(self) | {name: list(getattr(self, name)) for name in _LISTS}

    @classmethod
    def from_json(cls, document: Mapping[str, JsonValue]) -> Sighting:
        """The sighting that ``to_json`` wrote."""
        return _SIGHTING.validate_python(document)


_SIGHTING = TypeAdapter(Sighting)


def now() -> datetime:
    """The current time, in UTC."""
    return datetime.now(UTC)


def awaited(names: Sequence[str] | None = None) -> tuple[Source, ...]:
    """The sources whose drops a run waits for, those expected every session; limited to ``names`` where given.

    Raises:
        ConfigError: a source's file is wrong.
    """
    sources = load_sources() if names is None else tuple(load_source(name) for name in names)
    return tuple(source for source in sources if source.arrival.expected == "every_session")


def cut_off(source: Source, session: date) -> datetime:
    """The instant (UTC) at which waiting for the drop of ``session`` ends; earlier on half days.

    Raises:
        NotASessionError: the exchange does not trade on that day.
    """
    return Exchange(source.exchange).close(session) + timedelta(minutes=source.arrival.cut_off_minutes)


def runtime_of(environment: Mapping[str, str]) -> Runtime:
    """The stores of the connections, with this machine's folder."""
    return Runtime.from_env({HOME: str(Folders.from_env().home)} | dict(environment))


def stores_of(environment: Mapping[str, str]) -> Lister:
    """A function that lists the objects of a source; it opens a store on first use.

    Args:
        environment: the variables of a step. Its S3 keys go to the client, never to ``os.environ``: a
            triggerer runs many waits in one process.
    """
    runtime = runtime_of(environment)
    keys = keys_of(FEED, environment)
    retry = Retry(attempts=2)  # the wait asks again soon anyway
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


def look(sources: Sequence[Source], session: date, listing: Lister, instant: datetime) -> list[Sighting]:
    """Look once for the drops of ``session``.

    A store that does not answer gives a sighting with its ``trouble``: the wait goes on.

    Raises:
        StoreConfigError: a store refused.
    """
    return [_sighting(source, session, listing, instant) for source in sources]


def _sighting(source: Source, session: date, listing: Lister, instant: datetime) -> Sighting:
    try:
        objects = listing(source)
    except RetryableError as error:
        return Sighting(source.name, trouble=f"{type(error).__name__}: {error}")
    dated = [(day, drop) for drop in objects if (day := source.session_of(drop.key)) is not None]
    of_session = [drop for day, drop in dated if day == session]
    complete_keys, reasons = (
        {drop.key for drop in complete(source, objects, instant)},
        unfinished(source, objects, instant),
    )
    written_at = [drop.modified for drop in of_session if drop.key in complete_keys and drop.modified is not None]
    return Sighting(
        source.name,
        complete=tuple(drop.key for drop in of_session if drop.key in complete_keys),
        incomplete=tuple(drop.key for drop in of_session if drop.key not in complete_keys),
        reasons=tuple(reasons.get(drop.key, "") for drop in of_session if drop.key not in complete_keys),
        modified=max(written_at).isoformat() if written_at else None,
        drops=len(dated),
        newest=max(day for day, _ in dated).isoformat() if dated else "",
    )


def outstanding(
    sources: Sequence[Source], sightings: Sequence[Sighting], session: date, instant: datetime
) -> list[Source]:
    """The sources that are still worth waiting for at ``instant``; none once a source that must not be late is late.

    Raises:
        NotASessionError: the exchange does not trade on that day.
    """
    arrived = {sighting.source for sighting in sightings if sighting.arrived}
    missing = [source for source in sources if source.name not in arrived]
    over = [source for source in missing if cut_off(source, session) <= instant]
    if any(source.arrival.late == "fail" for source in over):
        return []
    return [source for source in missing if source not in over]
