"""Files that a snapshot names and that are gone: one message, whoever meets it: PyArrow, Iceberg, or a Spark task."""

from __future__ import annotations

import re

from afterbell.errors import ObjectMissingError

_OURS = re.compile(r"ObjectMissingError: (table [^\n]+)")
_JAVA = re.compile(r"NotFoundException:[^\n]*?((?:file|s3a?|hdfs):/[^\s'\"]+)")
_PLACE = re.compile(r"/([a-z][a-z0-9_]*)/([a-z][a-z0-9_]*)/(?:data|metadata)/")


def lost(table: str, path: str) -> ObjectMissingError:
    """The error that says so.

    Args:
        table: ``namespace.table``.
        path: the file's address.
    """
    return ObjectMissingError(
        f"table {table}: expected the file {path}, which a snapshot names, and it is not there: this is data loss. "
        "Nothing was published. Put it back from the store's versions or a backup, then run the session again"
    )


def lost_by(error: BaseException) -> ObjectMissingError | None:
    """What an error of Spark's or Iceberg's tells of a file of the lake that is gone; None where it tells of none."""
    text = str(error)
    if ours := _OURS.search(text):
        return ObjectMissingError(ours[1])
    for found in _JAVA.finditer(text):
        path = found[1].rstrip(".,;:)")
        if place := _PLACE.search(path):
            return lost(f"{place[1]}.{place[2]}", path)
    return None
