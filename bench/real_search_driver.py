"""The Spark driver of ``bench.real_search``: fills a lake, trains under a deadline, writes what came of it as JSON."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from afterbell.evaluation.candidate_scores import judge, read_rows
from afterbell.evaluation.settings import load_gate
from afterbell.features.job import features
from afterbell.ingest.job import ingest
from afterbell.ingest.write import publish
from afterbell.lake.commit import head
from afterbell.lake.tables import BARS, CORPORATE_ACTIONS
from afterbell.run.contracts.models import TrainResult
from afterbell.stores.artifacts import ArtifactStore
from afterbell.training.candidate import read_candidate
from bench.lakes import Lake
from spark_jobs.train import train

_AFTER = 30.0
"""Seconds before the deadline that the steps after it are given."""


def search(home: Path, session: date, minutes: float) -> dict[str, Any]:
    """Ingest all drops, compute the features, and train until ``minutes`` are over."""
    lake = Lake(home, "lake")
    publish(lake.spark, ingest(lake.args("ingest", session)).branch)
    snapshots = {"bars_snapshot": head(lake.spark, BARS), "actions_snapshot": head(lake.spark, CORPORATE_ACTIONS)}
    filled = features(lake.args("features", session, filings_snapshot=None, **snapshots))
    given = filled.to_json() | snapshots
    names = ("features_snapshots", "definition_hashes", *snapshots)
    args = lake.args("train", session, needed_after=_AFTER, **{name: given[name] for name in names})
    began = time.monotonic()
    result = train(replace(args, deadline=datetime.now(UTC) + timedelta(minutes=minutes)))
    return {"seconds": time.monotonic() - began, "held": result.held, **_found(lake, session, result)}


def _found(lake: Lake, session: date, result: TrainResult) -> dict[str, Any]:
    """The candidate's search, and the rank ICs of what it reports; nothing where there is no candidate."""
    if result.candidate_id is None or result.oos_snapshot is None:
        return {}
    candidate = read_candidate(ArtifactStore(lake.runtime.s3), result.candidate_id)
    entries: Any = candidate.search
    rows = read_rows(lake.spark, lake.runtime.s3, result.oos_snapshot, [result.candidate_id])
    scores = judge(rows, result.candidate_id, session, load_gate())
    return {
        "fits": candidate.fits + sum(trial["folds"] for entry in entries for trial in entry["trials"]),
        "rows": candidate.train_rows,
        "search": entries,
        "reported": {
            horizon: {name: float(np.nanmean(scored.rank_ic)) for name, scored in families.items()}
            for horizon, families in scores.scored.items()
        },
    }


def main() -> None:
    """Run it; what is printed meanwhile goes to the standard error."""
    session, minutes, answer = sys.argv[1:]
    os.dup2(2, 1)
    with tempfile.TemporaryDirectory(prefix="bench-") as home:
        os.environ["AFTERBELL_HOME"] = home
        found = search(Path(home), date.fromisoformat(session), float(minutes))
    Path(answer).write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main()
