"""The runs whose figures stand for a session that several runs were made for; pure.

A repeated run finds most of its work done: its own figures are zeros, or the few rows of a late drop.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from afterbell.airflow.pages.results import Folder


@dataclass(frozen=True)
class SessionRuns:
    """The runs whose figures a session's line shows.

    Attributes:
        landed: the first whose data passed the audit, else the newest that took any in, else the newest.
        judged: the newest that trained and was judged, else the first that was judged, else the newest.
    """

    landed: Folder
    judged: Folder


def standing(runs: Sequence[Folder]) -> SessionRuns | None:
    """Choose among ``runs`` (newest first, ``ingest``, ``train`` and ``publish`` read); None for no runs."""
    if not runs:
        return None
    took_in = [run for run in runs if run.get("ingest") and not run.get("ingest").get("noop")]
    passed = [run for run in took_in if "validate" in run.names]
    judged = [run for run in runs if "publish" in run.names or "evaluate" in run.names]
    trained = [run for run in judged if not run.get("train").get("noop")]
    landed = passed[-1] if passed else (took_in or list(runs))[0]
    return SessionRuns(landed, trained[0] if trained else judged[-1] if judged else runs[0])
