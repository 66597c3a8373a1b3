"""The sessions that there are bars of: the first and the last one, as a document that forms read; pure.

``market/span.json`` in the artifact store is written by each run that publishes or looks up bars. It decides nothing of
what is computed: without it a form knows less, and the steps find out themselves.
"""

from __future__ import annotations

from datetime import date
from typing import Protocol

from pydantic import ValidationError

from afterbell.config.loader import Strict
from afterbell.errors import ObjectMissingError, PermanentError

KEY = "market/span.json"
"""Where the document lies in the artifact bucket."""


class Span(Strict):
    """The sessions of ``market.bars``.

    Attributes:
        first: session.
        last: session.
    """

    first: date
    last: date


class CalendarDocuments(Protocol):
    """The store of the document."""

    def get(self, key: str) -> bytes:
        """The bytes of ``key``.

        Raises:
            ObjectMissingError: it does not exist.
        """
        ...

    def put(self, key: str, body: bytes) -> object:
        """Write ``key`` whole."""
        ...


def read_span(store: CalendarDocuments) -> Span | None:
    """The sessions there are; None where no run has written them down yet.

    Raises:
        PermanentError: the document is not valid.
    """
    try:
        return parse_span(store.get(KEY))
    except ObjectMissingError:
        return None


def parse_span(body: bytes | str) -> Span:
    """The document.

    Raises:
        PermanentError: it is something else.
    """
    try:
        return Span.model_validate_json(body)
    except ValidationError as error:
        raise PermanentError(
            f"{KEY}: expected the first and the last session as JSON, found {body[:80]!r}: remove it, the next run "
            "writes it again"
        ) from error


def write_span(store: CalendarDocuments, span: Span) -> None:
    """Replace the document."""
    store.put(KEY, span.model_dump_json().encode())
