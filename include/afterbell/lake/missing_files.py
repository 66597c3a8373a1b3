"""Files that a snapshot names and that are gone: one message, whether PyArrow, Iceberg or a Spark task reports it."""

from __future__ import annotations

import re

from afterbell.errors import ObjectMissingError

_OURS = re.compile(r"ObjectMissingError: (table [^\n]+)")
_JAVA = re.compile(r"NotFoundException:[^\n]*?((?:file|s3a?|hdfs):/[^\s'\"]+)")
_PLACE = re.compile(r"/([a-z][a-z0-9_]*)/([a-z][a-z0-9_]*)/(?:data|metadata)/")


def lost(table: str, path: str) -> ObjectMissingError:
    """The error for a file that is gone.

    Args:
        table: ``namespace.table``.
        path: the file's address.
    """
    return ObjectMissingError(
        f"table {table}: expected the file {path}, which a snapshot names, and it is not there: this is data loss. "
        "Nothing was published. Put it back from the store's versions or a backup, then run the session again"
    )


def lost_by(error: BaseException) -> ObjectMissingError | None:
    """The error for a file of the lake that is gone, from one of Spark's or Iceberg's; None where that reports none."""
    text = str(error)
    if ours := _OURS.search(text):
        return ObjectMissingError(ours[1])
    for match in _JAVA.finditer(text):
        path = match[1].rstrip(".,;:)")
        if place := _PLACE.search(path):
            return lost(f"{place[1]}.{place[2]}", path)
    return None
