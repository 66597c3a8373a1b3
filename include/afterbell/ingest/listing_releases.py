"""A person's confirmation that held bars of a symbol are right: written once, never removed, applied by the next run.

A release is ``listings/<session>/<id>.json`` in the artifact bucket; session and id are those of the hold.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable
from datetime import UTC, date, datetime
from typing import TypedDict

from pydantic import ValidationError

from afterbell.config.runtime import Runtime
from afterbell.errors import ConfigError, DigestMismatchError, ObjectMissingError, PreconditionFailedError
from afterbell.ingest.refusals import Release
from afterbell.lake.listings import EXPLAINED, HELD, RELEASED, RETURNED
from afterbell.stores.artifacts import ArtifactStore

FOLDER = "listings/"
_KEY = re.compile(rf"{FOLDER}\d{{4}}-\d{{2}}-\d{{2}}/[0-9a-f]{{16}}\.json")
_HOLDS = (
    "SELECT symbol, ex_session, basis, knowledge_time, close_before, close, rests_on FROM market.corporate_actions "
    "WHERE kind = 'wrong_listing'"
)
_ENDING = frozenset({EXPLAINED, RELEASED, RETURNED})


class HoldRow(TypedDict):
    """A row of kind ``wrong_listing`` of ``market.corporate_actions``."""

    symbol: str
    ex_session: date
    basis: str
    knowledge_time: datetime
    close_before: float
    close: float
    rests_on: str


class ListingRelease(Release):
    """The release of a hold.

    Attributes:
        symbol: whose bars are right.
        session: the first one that was held.
    """

    symbol: str
    session: date


def hold_id(symbol: str, session: date) -> str:
    """The id of a hold: 16 hexadecimal digits."""
    return hashlib.sha256(f"{symbol}\0{session.isoformat()}".encode()).hexdigest()[:16]


def read_releases(store: ArtifactStore) -> dict[tuple[str, date], datetime]:
    """When each released hold was let go, by symbol and session; other objects in the folder are passed over.

    Raises:
        DigestMismatchError: a document is not a release, or it is that of another hold than its key says.
    """
    keys = [stored.key for stored in store.list(FOLDER) if _KEY.fullmatch(stored.key)]
    releases = (_read(store, key) for key in keys)
    return {(release.symbol, release.session): release.at for release in releases}


def _read(store: ArtifactStore, key: str) -> ListingRelease:
    try:
        release = ListingRelease.model_validate_json(store.get(key))
    except ValidationError as error:
        raise DigestMismatchError(f"{key} is not the release of a held listing: {error}") from error
    if key != _key(release.symbol, release.session):
        raise DigestMismatchError(
            f"{key} is the release of {release.symbol} from {release.session}, which belongs to "
            f"{_key(release.symbol, release.session)}: it was moved; remove it, and release the listing again"
        )
    return release


def _key(symbol: str, session: date) -> str:
    return f"{FOLDER}{session.isoformat()}/{hold_id(symbol, session)}.json"


def release_listing(
    store: ArtifactStore, held: Collection[tuple[str, date]], symbol: str, session: date, by: str, reason: str
) -> tuple[ListingRelease, bool]:
    """Let held bars of a symbol count from the next run on; whether this call did it.

    Args:
        store: the artifact store.
        held: symbol and session of every hold that the lake has.
        symbol: whose bars are held.
        session: the first one that is held.
        by: who releases them.
        reason: one line of 3 to 500 characters, stored permanently.

    Raises:
        ConfigError: the reason is not a line of 3 to 500 characters.
        ObjectMissingError: no such bars are held; the message lists those that are.
    """
    if (symbol, session) not in held:
        known = ", ".join(f"{name} from {day}" for name, day in sorted(held)) or "none"
        raise ObjectMissingError(f"no bars of {symbol!r} are held from {session} on; held symbols: {known}")
    try:
        given = ListingRelease(
            by=by, reason=reason.strip(), run_id="cli", at=datetime.now(UTC), symbol=symbol, session=session
        )
    except ValidationError as error:
        faults = "; ".join(
            f"{fault['loc'][0]}: {fault['msg']}, found {fault['input']!r:.100}" for fault in error.errors()
        )
        raise ConfigError(f"nothing was released: {faults}. Give --reason, one line of 3 to 500 characters") from error
    key = _key(symbol, session)
    try:
        store.put_if_absent(key, given.model_dump_json(indent=2).encode() + b"\n")
    except PreconditionFailedError:
        return _read(store, key), False
    return given, True


def read_holds(runtime: Runtime) -> list[HoldRow]:
    """The holds that nothing has ended, oldest first, with symbol, ex_session, basis, knowledge_time and rests_on.

    ``close_before`` is the right close, ``close`` the wrong one.

    Raises:
        ConfigError: there is no lake yet.
    """
    from afterbell.lake.reader import query  # noqa: PLC0415 - ingest itself does without DuckDB

    return open_holds(query(runtime, _HOLDS).to_pylist())


def open_holds(rows: Iterable[HoldRow]) -> list[HoldRow]:
    """The holds that nothing has ended, oldest first, as rows of ``market.corporate_actions``.

    Args:
        rows: of kind ``wrong_listing``: symbol, ex_session, basis, knowledge_time and whatever else.
    """
    holds: dict[str, HoldRow] = {}
    for row in sorted(rows, key=lambda row: (row["knowledge_time"], row["ex_session"])):
        if row["basis"] == HELD:
            holds[row["symbol"]] = row
        elif row["basis"] in _ENDING:
            holds.pop(row["symbol"], None)
    return sorted(holds.values(), key=lambda row: (row["ex_session"], row["symbol"]))
