"""A lease is claimed by one of two writers, given back by its holder alone, and never fails with its store."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from afterbell.errors import (
    ObjectMissingError,
    PreconditionFailedError,
    StoreUnavailableError,
    UnknownOutcomeError,
)
from afterbell.stores.lease import Lease, list_leases
from afterbell.stores.protocols import StoredObject

NOW = datetime(2026, 6, 30, 20, tzinfo=UTC)


class Objects:
    """The objects of a store, in memory; an ETag is the number of the write."""

    def __init__(self) -> None:
        self.bodies: dict[str, tuple[bytes, str]] = {}
        self.writes = 0
        self.answers = True

    def get_with_etag(self, key: str) -> tuple[bytes, str]:
        if key not in self.bodies:
            raise ObjectMissingError(key)
        return self.bodies[key]

    def put(self, key: str, body: bytes) -> str:
        self.writes += 1
        self.bodies[key] = body, str(self.writes)
        if not self.answers:
            raise UnknownOutcomeError("no answer")
        return str(self.writes)

    def put_if_absent(self, key: str, body: bytes) -> str:
        if key in self.bodies:
            raise PreconditionFailedError(key)
        return self.put(key, body)

    def put_if_match(self, key: str, body: bytes, etag: str) -> str:
        if self.bodies.get(key, (b"", ""))[1] != etag:
            raise PreconditionFailedError(key)
        return self.put(key, body)

    def delete(self, key: str) -> None:
        self.bodies.pop(key, None)


@pytest.fixture
def store() -> Any:
    return Objects()


def lease_on(store: Any) -> Lease:
    return Lease(lambda: store, "gate/x.json")


def test_of_two_that_saw_no_lease_one_gets_it(store: Any):
    one, other = lease_on(store), lease_on(store)
    assert one.read() == other.read() == (None, None)
    assert one.claim(b"one", None)
    assert not other.claim(b"other", None)
    assert one.read() == (b"one", "1")


def test_of_two_that_saw_the_same_lease_one_replaces_it(store: Any):
    lease = lease_on(store)
    lease.renew(b"old")
    _, etag = lease.read()
    assert lease.claim(b"one", etag)
    assert not lease.claim(b"other", etag)


def test_a_claim_without_an_answer_may_be_ours(store: Any):
    store.answers = False
    assert lease_on(store).claim(b"one", None)


def test_a_lease_of_another_is_not_given_back(store: Any):
    lease = lease_on(store)
    lease.renew(b"theirs")
    lease.give_back(lambda body: body == b"ours")
    assert lease.read() == (b"theirs", "1")
    lease.give_back(lambda body: body == b"theirs")
    assert lease.read() == (None, None)
    lease.give_back(lambda _: True)


def test_a_holder_that_is_alone_gives_back_without_reading(store: Any):
    lease = lease_on(store)
    lease.renew(b"ours")
    lease.give_back()
    assert lease.read() == (None, None)


def test_a_store_that_is_away_fails_neither_a_renewal_nor_a_return():
    def away() -> Any:
        raise StoreUnavailableError("s3 is away")

    lease = Lease(away, "gate/x.json")
    lease.renew(b"ours")
    lease.give_back()
    lease.give_back(lambda _: True)
    with pytest.raises(StoreUnavailableError):
        lease.read()


def test_a_lease_counts_for_its_lifetime():
    class Listing:
        def list(self, prefix: str) -> list[StoredObject]:
            ages = {"fresh": 29, "old": 30}
            fresh_and_old = [
                StoredObject("s3", f"{prefix}{name}", 1, "v", NOW - timedelta(minutes=age))
                for name, age in ages.items()
            ]
            return [*fresh_and_old, StoredObject("s3", f"{prefix}undated", 1, "v")]

    store: Any = Listing()
    assert list_leases(store, "active/", NOW, timedelta(minutes=30)) == ["active/fresh", "active/undated"]
