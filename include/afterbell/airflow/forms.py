r"""Patterns for forms' text fields, enforced by Airflow (400) and once more by the task that opens the run.

Airflow's page stars every field whose type leaves out ``null``, and its *Trigger* button stays disabled while such a
field is empty: a field that may stay empty has the default None and a type with ``null``.

Python's ``$`` also matches before a line break at the end; ``$(?!\n)`` is the end in Python and in a browser.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NotRequired, TypedDict

from pydantic import JsonValue

from afterbell.config.loader import config_folder

END = r"$(?!\n)"
RELEASE_ID = rf"^([0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}-[0-9a-f]{{12}})?{END}"
"""Empty, or a release id."""
REFUSAL_ID = rf"^[0-9a-f]{{16}}{END}"
ONE_LINE = rf"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]*{END}"
NAME = rf"^[a-z0-9][a-z0-9-]{{0,39}}{END}"
PROFILE = rf"^([a-z0-9][a-z0-9-]{{0,59}})?{END}"
DAY = rf"^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}{END}"


def cluster_profiles() -> list[str]:
    """The names of the cluster profiles, sorted; read at every call, a listing of one folder."""
    names = (path.stem for path in (config_folder() / "clusters").glob("*.yaml"))
    return sorted(name for name in names if re.search(PROFILE, name))


class ItemSchema(TypedDict, total=False):
    """JSON schema of the items of a field that takes several."""

    type: str
    enum: list[str]
    pattern: str
    minimum: int
    maximum: int


class FieldSchema(TypedDict):
    """One field: the keyword arguments of ``airflow.sdk.Param``, which are its default, its texts and its JSON schema.

    Attributes:
        title: its label.
        description: a sentence below the label.
        type: of its value; one of several.
    """

    title: str
    description: str
    type: str | list[str]
    default: NotRequired[JsonValue]
    enum: NotRequired[list[str | None]]
    examples: NotRequired[Sequence[JsonValue]]
    format: NotRequired[str]
    pattern: NotRequired[str]
    items: NotRequired[ItemSchema]
    minimum: NotRequired[float]
    maximum: NotRequired[float]
    minLength: NotRequired[int]
    maxLength: NotRequired[int]
    minItems: NotRequired[int]
    maxItems: NotRequired[int]
    uniqueItems: NotRequired[bool]


CLUSTER: FieldSchema = {
    "default": None,
    "type": ["null", "string"],
    "enum": [None, *cluster_profiles()],
    "title": "Cluster profile",
    "description": "A file of include/config/clusters for this run alone; empty for the connection's own.",
}
"""The field of every form that sets where a run's Spark jobs run: one of the profiles, or nothing."""
