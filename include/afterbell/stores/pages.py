"""Pages of a listing: whatever a service answers, following them ends."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NotRequired, TypedDict

from afterbell.errors import StoreConfigError

_EMPTY_PAGES = 1000
"""Pages in a row without anything new: a service may show some while it passes over removed objects."""


class ListEntry(TypedDict):
    """An object of a page of S3's ``ListObjectsV2``."""

    Key: str
    Size: int
    ETag: NotRequired[str]
    LastModified: NotRequired[datetime]


class ListPage(TypedDict, total=False):
    """A page of S3's ``ListObjectsV2``."""

    Contents: Sequence[ListEntry]
    IsTruncated: bool
    NextContinuationToken: str


class Pages:
    """The pages of one listing that were read so far.

    Args:
        where: the listing's place, for messages.
    """

    def __init__(self, where: str) -> None:
        self._where = where
        self._tokens: set[str] = set()
        self._last: frozenset[str] = frozenset()
        self._empty = 0

    def next_token(self, page: ListPage) -> str:
        """The token of the page after this one of S3's ``ListObjectsV2``; empty where it is the last.

        Raises:
            StoreConfigError: the page says that there is more and not where, or leads back to one that was seen.
        """
        token = str(page.get("NextContinuationToken") or "")
        if page.get("IsTruncated") and not token:
            raise self._endless_error("says that there is more, and gives no continuation token")
        if token:
            self.follow(token, [item["Key"] for item in page.get("Contents", [])])
        return token

    def follow(self, token: str, names: list[str]) -> None:
        """Note that the page after ``token`` is requested next.

        Args:
            token: where it begins.
            names: of the entries of the page that named it.

        Raises:
            StoreConfigError: it was requested before, or pages have brought nothing new for too long.
        """
        if token in self._tokens:
            raise self._endless_error(f"repeats its continuation token {token[:60]!r} after {len(self._tokens)} pages")
        self._tokens.add(token)
        entries = frozenset(names)
        if entries and entries == self._last:
            raise self._endless_error(f"repeats its page, beginning with {names[0][:120]!r}")
        self._empty = 0 if entries else self._empty + 1
        if self._empty > _EMPTY_PAGES:
            raise self._endless_error(f"goes on after {_EMPTY_PAGES} empty pages")
        self._last = entries or self._last

    def _endless_error(self, what: str) -> StoreConfigError:
        return StoreConfigError(
            f"{self._where}: the listing {what}: expected pages up to a last one. The server does not follow the "
            "store's protocol for listings: check the endpoint, and any proxy in between"
        )
