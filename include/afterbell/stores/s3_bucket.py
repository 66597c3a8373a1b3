"""Operations common to the project's buckets: tries, fresh credentials, the listing, and the check for existence."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

from botocore.exceptions import ClientError

from afterbell.config.runtime import S3Location
from afterbell.errors import CredentialsExpiredError
from afterbell.stores.keys import check_key, check_prefix
from afterbell.stores.pages import ListPage, Pages
from afterbell.stores.protocols import StoredObject
from afterbell.stores.retry import Retry, Timeouts
from afterbell.stores.s3_client import AT_ONCE, etag_of, make_client, modified
from afterbell.stores.s3_faults import error_code, refusal, s3_faults

Answer = TypeVar("Answer")


class Bucket:
    """One bucket behind one client; safe to share between threads.

    Attributes:
        name: the bucket's name.
        location: the service it lies on.
        client: boto3's client as it is now, after the last refresh.
    """

    def __init__(
        self,
        name: str,
        location: S3Location,
        retry: Retry,
        timeouts: Timeouts | None = None,
        keys: tuple[str, str] | None = None,
    ) -> None:
        self.name = name
        self.location = location
        self._retry, self._timeouts, self._keys = retry, timeouts or Timeouts(), keys
        self.client = make_client(location, self._timeouts, keys)
        self._slots = threading.BoundedSemaphore(AT_ONCE)
        self._renewing = threading.Lock()
        self._seen = False

    def call(self, action: Callable[[Any], Answer], key: str = "", *, conditional: bool = False) -> Answer:
        """Call ``action`` with boto3's client; retried after passing faults, once with fresh credentials.

        Args:
            action: one request, safe to repeat unless ``conditional``.
            key: the object it is about, for messages.
            conditional: a conditional write, which is sent once: a second try would meet the first one's success
                and report a lost race.

        Raises:
            StoreUnavailableError: no answer to any try.
            UnknownOutcomeError: no answer to a conditional write.
            StoreConfigError: the store rejected the request; a retry cannot help.
        """

        def once(client: Any) -> Answer:
            with self._slots, s3_faults(self.location, self.name, key, conditional=conditional):
                return action(client)

        def renewed() -> Answer:
            client = self.client
            try:
                return once(client)
            except CredentialsExpiredError:
                if self._keys:
                    raise  # given by the caller: there is no chain to query again
                return once(self._renew(client))

        return self._retry.call(renewed)

    def _renew(self, used: Any) -> Any:
        # One thread queries the provider chain again; the others use its result.
        with self._renewing:
            if self.client is used:
                self.client = make_client(self.location, self._timeouts)
            return self.client

    def ensure(self) -> None:
        """Create the bucket, if it is missing; if it exists, the key needs no right to create buckets.

        Raises:
            StoreConfigError: another account owns it, or the key may not create buckets.
        """
        if self._is_there():
            return
        region = self.location.region
        # us-east-1 is the one region that must not be named.
        place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}

        def create(client: Any) -> None:
            try:
                client.create_bucket(Bucket=self.name, **place)
            except ClientError as error:
                if error_code(error) not in {"BucketAlreadyOwnedByYou", "OperationAborted"}:
                    raise

        self.call(create)

    def require(self) -> None:
        """Check once that the bucket is there: some services create one silently on the first write to it.

        Raises:
            StoreConfigError: it isn't, or the key may not use it; the message names the setting.
        """
        if self._seen:
            return

        if not self._is_there():
            raise refusal(self.location, self.name, "NoSuchBucket")
        self._seen = True

    def _is_there(self) -> bool:
        def look(client: Any) -> bool:
            try:
                client.head_bucket(Bucket=self.name)
            except ClientError as error:
                if error_code(error) in {"404", "NoSuchBucket"}:
                    return False
                raise
            return True

        return self.call(look)

    def clock(self) -> datetime:
        """The time by the store's clock, from the date of its answer; UTC, to the second."""

        def look(client: Any) -> datetime:
            answer = client.head_bucket(Bucket=self.name)
            return parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"]).astimezone(UTC)

        return self.call(look)

    def list(self, prefix: str, after: str = "") -> list[StoredObject]:
        """All objects whose keys start with ``prefix``, in the order of their keys, over all pages.

        Args:
            prefix: what the keys start with.
            after: the key that the listing begins after; empty for all.

        Raises:
            StoreConfigError: the pages don't lead to an end, or the bucket may not be listed.
        """
        objects: list[StoredObject] = []
        start = {"StartAfter": check_key(after)} if after else {}
        pages = Pages(f"s3://{self.name}/{prefix} at {self.location.endpoint or 'AWS'}")
        while True:
            page = self._page({"Prefix": check_prefix(prefix), **start})
            objects += [
                StoredObject("s3", item["Key"], int(item["Size"]), etag_of(item), modified(item))
                for item in page.get("Contents", [])
                if not item["Key"].endswith("/")  # what consoles leave behind for an empty folder
            ]
            token = pages.next_token(page)
            if not token:
                # AWS lists in the order of the keys' bytes; services that keep folders do not ("a/b" before "a.txt").
                return sorted(objects, key=lambda item: item.key.encode())
            start = {"ContinuationToken": token}

    def _page(self, parameters: dict[str, str]) -> ListPage:
        page: ListPage = self.call(
            lambda client: client.list_objects_v2(Bucket=self.name, **parameters), parameters["Prefix"]
        )
        return page
