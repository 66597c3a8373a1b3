"""Experiments: who asked for what, how it was judged, and the way to its report."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from afterbell.airflow.pages.documents import Document, Documents
from afterbell.airflow.pages.runs import Run

DAG, OPENER = "experiment", "open_experiment"
COUNT = 20
_ID = re.compile(r"[0-9a-f]{16}")
_ASKED = ("name", "first", "last", "horizons", "families", "factor_sets", "trials", "cost_bps", "seed")


def page(documents: Documents, runs: Sequence[Run]) -> list[dict[str, Any]]:
    """One line a run of the DAG, newest first; two small documents of each experiment."""
    ids = {run.run_id: str(run.opened.get("experiment") or "") for run in runs}
    known = [each for each in dict.fromkeys(ids.values()) if _ID.fullmatch(each)]
    found = documents.documents(f"experiments/{each}/{name}.json" for each in known for name in ("request", "metrics"))
    return [_line(run, ids[run.run_id], found) for run in runs]


def _line(run: Run, experiment: str, found: Mapping[str, Document]) -> dict[str, Any]:
    request = found.get(f"experiments/{experiment}/request.json") or _mapping(run.opened.get("request"))
    judged = found.get(f"experiments/{experiment}/metrics.json", {})
    metrics = _mapping(judged.get("metrics"))
    return {
        "run_id": run.run_id,
        "state": run.state,
        "started": run.started.isoformat() if run.started else None,
        "experiment": experiment if _ID.fullmatch(experiment) else None,
        "by": str(run.opened.get("by") or ""),
        "note": str(run.opened.get("note") or ""),
        "request": {name: _said(request.get(name)) for name in _ASKED if request.get(name) is not None},
        "verdict": str(judged.get("verdict") or ""),
        "reason": str(judged.get("reason") or ""),
        "rank_ic": {str(name): _mapping(each).get("rank_ic") for name, each in sorted(metrics.items())},
        "has_report": bool(judged),
    }


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _said(value: object) -> str:
    return ", ".join(str(each) for each in value) if isinstance(value, list | tuple) else str(value)
