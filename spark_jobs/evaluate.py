"""Judge a candidate against the champion, out of sample, and write the report of the run.

Inputs: candidate_id, oos_snapshot; whatever counts of the data it is handed besides go into the report. Writes
``<AFTERBELL_HOME>/reports/<session>-<run slug>.html``, and ``report.html`` and ``metrics.json`` to the artifact bucket.
Nothing is published here: the verdict is for the step ``publish``.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
from pyspark.sql import SparkSession

from afterbell.cluster.job import StepArgs, run_slug, run_step
from afterbell.config.runtime import Runtime, S3Location
from afterbell.errors import DigestMismatchError, StaleInputError
from afterbell.evaluation.gate import Contender, decide, in_time
from afterbell.evaluation.metrics import Scored, horizon_metrics, score_panel
from afterbell.evaluation.out_of_sample import COLUMNS, contender, panels_of
from afterbell.evaluation.panel import Panel
from afterbell.evaluation.report import ReportData, render, render_held
from afterbell.evaluation.settings import GateSettings, load_gate
from afterbell.lake.commit import commit_id
from afterbell.lake.runs import record_run
from afterbell.lake.scan import plan_files, read_files
from afterbell.lake.shape import shape_of
from afterbell.lake.spark import lake_session
from afterbell.lake.tables import OUT_OF_SAMPLE
from afterbell.release.catalog import read_champion
from afterbell.release.manifest import sha256
from afterbell.stores.artifacts import ArtifactStore
from afterbell.training.candidate import candidate_key, read_candidate
from afterbell.training.families import load_model
from afterbell.training.families.lightgbm import TreeModel
from afterbell.training.families.ridge import RidgeModel

_NOT_COUNTS = frozenset({
    "candidate_id", "oos_snapshot", "features_snapshots", "definition_hashes", "held", "skipped",
})  # fmt: skip


def evaluate(args: StepArgs) -> dict[str, Any]:
    """Metrics, verdict and report of one candidate."""
    started = datetime.now(UTC)
    runtime, settings = Runtime.from_env(), load_gate()
    store = ArtifactStore(runtime.s3)
    if args.inputs.get("held"):
        return held(args, runtime, store, started)
    candidate = read_candidate(store, str(args.require("candidate_id")))
    champion, _ = read_champion(store)
    snapshot = int(args.require("oos_snapshot"))
    spark = lake_session(runtime, f"afterbell evaluate {args.session}")
    ids = [candidate["candidate_id"], *([champion.candidate_id] if champion else [])]
    rows = read_rows(spark, runtime.s3, snapshot, ids)
    own = judge(rows, candidate["candidate_id"], date.fromisoformat(candidate["session"]), settings)
    if not own.panels:
        raise StaleInputError(
            f"candidate {candidate['candidate_id']} has no out-of-sample predictions at snapshot {snapshot}: "
            "rerun the step `train`"
        )
    rival = judge(rows, champion.candidate_id, champion.session, settings).contender if champion else None
    decided = decide(own.contender, rival, tuple(candidate["spec"]["horizons"]), settings)
    decision = in_time(decided, datetime.now(UTC), args.deadline)
    outcome = {
        "candidate_id": candidate["candidate_id"],
        "champion_candidate_id": champion.candidate_id if champion else None,
        "verdict": decision.verdict,
        "reason": decision.reason,
        "metrics": {f"h{horizon}": horizon_metrics(found, horizon) for horizon, found in own.scored.items()},
    }
    gains, coefficients = insides(store, candidate)
    report = render(
        ReportData(
            run_id=args.run_id,
            candidate=candidate,
            decision=decision,
            metrics=outcome["metrics"],
            panels=own.panels,
            scored=own.scored,
            contenders=(own.contender, rival) if rival else (own.contender,),
            gains=gains,
            coefficients=coefficients,
            data={name: value for name, value in args.inputs.items() if name not in _NOT_COUNTS},
        )
    )
    compared = [dataclasses.asdict(found) for found in decision.comparisons]
    key, path = write(store, runtime, args, report, outcome | {"comparisons": compared, "inputs": args.inputs})
    record_run(
        spark,
        args,
        started,
        rows=own.rows,
        snapshots_in={OUT_OF_SAMPLE.name: snapshot},
        snapshots_out={},
        commit_id=commit_id("evaluate", session=args.session, inputs=ids, config=settings.model_dump(mode="json")),
        verdict=decision.verdict,
        detail={"reason": decision.reason, "report": key},
    )
    return outcome | {"report_key": key, "report_path": str(path)}


def held(args: StepArgs, runtime: Runtime, store: ArtifactStore, started: datetime) -> dict[str, Any]:
    """A hold for want of a candidate: there is nothing to judge, and a person is told why."""
    reason = str(args.inputs["held"])
    champion, _ = read_champion(store)
    outcome: dict[str, Any] = {
        "candidate_id": None,
        "champion_candidate_id": champion.candidate_id if champion else None,
        "verdict": "hold",
        "reason": reason,
        "metrics": {},
    }
    data = {name: value for name, value in args.inputs.items() if name not in _NOT_COUNTS}
    report = render_held(args.session.isoformat(), args.run_id, reason, data, args.inputs.get("skipped") or ())
    key, path = write(store, runtime, args, report, outcome | {"comparisons": [], "inputs": args.inputs})
    record_run(
        lake_session(runtime, f"afterbell evaluate {args.session}"),
        args,
        started,
        rows=0,
        snapshots_in={},
        snapshots_out={},
        commit_id="",
        verdict="hold",
        detail={"reason": reason, "report": key},
    )
    return outcome | {"report_key": key, "report_path": str(path)}


@dataclasses.dataclass(frozen=True)
class Judged:
    """One candidate's panels and scores by horizon, what the gate compares, and its rows."""

    panels: dict[int, Panel]
    scored: dict[int, dict[str, Scored]]
    contender: Contender
    rows: int


def judge(rows: pl.DataFrame, candidate_id: str, session: date, settings: GateSettings) -> Judged:
    """Score the out-of-sample rows of one candidate; without any, it has no horizon."""
    own = rows.filter(pl.col("candidate_id") == candidate_id)
    panels = {} if own.is_empty() else panels_of(own)
    scored = {horizon: score_panel(panel, settings.portfolio) for horizon, panel in panels.items()}
    return Judged(panels, scored, contender(candidate_id, session, panels, scored), own.height)


def read_rows(spark: SparkSession, s3: S3Location, snapshot: int, candidate_ids: list[str]) -> pl.DataFrame:
    """The out-of-sample predictions of the candidates, columns as ``out_of_sample.COLUMNS``."""
    shape = shape_of(spark, OUT_OF_SAMPLE)
    # Written by one run each, files hold few candidates: only those of the asked ones are opened.
    found = [
        read_files(
            plan_files(spark, OUT_OF_SAMPLE, snapshot, "candidate_id", each, each),
            shape,
            s3,
            pl.col("candidate_id") == each,
        )
        for each in dict.fromkeys(candidate_ids)
    ]
    return pl.concat(found).select(COLUMNS)


def insides(
    store: ArtifactStore, candidate: dict[str, Any]
) -> tuple[dict[str, dict[str, float]], dict[str, dict[str, float]]]:
    """Gains of tree models and coefficients of linear ones, by model name; digests are checked before loading."""
    gains, coefficients = {}, {}
    for item in candidate["models"]:
        key = candidate_key(candidate["candidate_id"], item["path"])
        body = store.get(key)
        if sha256(body) != item["sha256"]:
            raise DigestMismatchError(f"{key}: expected SHA-256 {item['sha256']}, found {sha256(body)}; train again")
        model, name = load_model(item["family"], body), f"{item['family']} h{item['horizon']}"
        if isinstance(model, TreeModel):
            gains[name] = model.gains()
        if isinstance(model, RidgeModel):
            coefficients[name] = dict(zip(model.names, model.coefficients, strict=True))
    return gains, coefficients


def write(
    store: ArtifactStore, runtime: Runtime, args: StepArgs, report: str, found: dict[str, Any]
) -> tuple[str, Path]:
    """Put the report and its figures into the artifact bucket, and the report below AFTERBELL_HOME; key and path."""
    slug = run_slug(args.run_id)
    folder = f"reports/{args.session.isoformat()}/{slug}"
    text = json.dumps(found, sort_keys=True, indent=2, default=str, allow_nan=False)
    store.put(f"{folder}/metrics.json", text.encode())
    store.put(f"{folder}/report.html", report.encode())
    path = runtime.home / "reports" / f"{args.session.isoformat()}-{slug}.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(report, encoding="utf-8")
    return f"{folder}/report.html", path


if __name__ == "__main__":
    sys.exit(run_step("evaluate", evaluate))
