r"""Patterns for forms' text fields, enforced by Airflow (400) and once more by whoever opens the run.

Airflow's page stars every field whose type leaves out ``null``, and its *Trigger* button stays disabled while such a
field is empty: a field that may stay empty has the default None and a type with ``null``.

Python's ``$`` also matches before a line break at the end; ``$(?!\n)`` is the end in Python and in a browser.
"""

from __future__ import annotations

from typing import Any

END = r"$(?!\n)"
RELEASE_ID = rf"^([0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}-[0-9a-f]{{12}})?{END}"
"""Empty, or a release id."""
REFUSAL_ID = rf"^[0-9a-f]{{16}}{END}"
ONE_LINE = rf"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]*{END}"
NAME = rf"^[a-z0-9][a-z0-9-]{{0,39}}{END}"
PROFILE = rf"^([a-z0-9][a-z0-9-]{{0,59}})?{END}"
DAY = rf"^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}{END}"
CLUSTER: dict[str, Any] = {
    "default": None,
    "type": ["null", "string"],
    "pattern": PROFILE,
    "title": "Cluster profile",
    "description": "A file of include/config/clusters for this run alone; empty for the connection's own.",
}
"""The field of every form that says where a run's Spark jobs run."""
