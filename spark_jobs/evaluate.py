"""Judge a candidate against the champion, out of sample, and write the report of the run.

Inputs: candidate_id, oos_snapshot; counts of the data among the other inputs go into the report. Writes
``<AFTERBELL_HOME>/reports/<session>-<run slug>.html``, and ``report.html`` and ``metrics.json`` to the artifact bucket.
Nothing is published here: the verdict is for the step ``publish``.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from afterbell.calendar.sessions import Exchange
from afterbell.config.platform import load_platform
from afterbell.config.runtime import Runtime
from afterbell.errors import GateError, ObjectMissingError, ObjectTooLargeError, StaleInputError
from afterbell.evaluation.candidate_scores import CandidateScores, insides, judge, read_rows
from afterbell.evaluation.gate import Contender, GateDecision, decide, in_time, undecided
from afterbell.evaluation.metrics import horizon_metrics
from afterbell.evaluation.report import ReportData, render, render_held
from afterbell.evaluation.settings import GateSettings, load_gate
from afterbell.evaluation.since import Change, changes
from afterbell.lake.commit import commit_id
from afterbell.lake.spark import lake_session, lake_session_beside
from afterbell.lake.tables import OUT_OF_SAMPLE
from afterbell.release.catalog import read_champion
from afterbell.release.manifest import Champion
from afterbell.release.turn import give_back_turn, take_turn
from afterbell.run.job import StepArgs, run_slug, run_step
from afterbell.run.record import record_run
from afterbell.run.steps import EXPERIMENT_RUNS
from afterbell.stores.artifacts import ArtifactStore
from afterbell.training.candidate import read_candidate
from afterbell.training.candidate_document import CandidateDocument

_NOT_COUNTS = frozenset({
    "candidate_id", "oos_snapshot", "features_snapshots", "definition_hashes", "held", "skipped",
})  # fmt: skip


def evaluate(args: StepArgs) -> dict[str, Any]:
    """Metrics, verdict and report of one candidate.

    A run whose candidate is to be published has its turn until `publish` gives it back.
    """
    started = datetime.now(UTC)
    runtime, settings = Runtime.from_env(), load_gate()
    store = ArtifactStore(runtime.s3)
    if args.inputs.get("held"):
        return held(args, runtime, store, started, GateDecision("hold", str(args.inputs["held"])))
    take_turn(store, args.run_id, args.deadline, partial(print, file=sys.stderr, flush=True))
    verdict = None
    try:
        outcome = _judge(args, runtime, store, settings, started)
        verdict = outcome["verdict"]
    finally:
        if verdict != "publish":
            give_back_turn(store, args.run_id)
    return outcome


def _judge(
    args: StepArgs, runtime: Runtime, store: ArtifactStore, settings: GateSettings, started: datetime
) -> dict[str, Any]:
    candidate_id, snapshot = str(args.require("candidate_id")), int(args.require("oos_snapshot"))
    spark, (candidate, (champion, _)) = lake_session_beside(
        runtime,
        f"afterbell evaluate {args.session}",
        lambda: (read_candidate(store, candidate_id), read_champion(store)),
    )
    ids = [candidate["candidate_id"], *([champion.candidate_id] if champion else [])]
    rows = read_rows(spark, runtime.s3, snapshot, ids)
    try:
        own = judge(rows, candidate["candidate_id"], date.fromisoformat(candidate["session"]), settings)
    except GateError as error:
        return held(args, runtime, store, started, undecided(error, champion.candidate_id if champion else None))
    if not own.panels:
        raise StaleInputError(
            f"candidate {candidate['candidate_id']} has no out-of-sample predictions at snapshot {snapshot}: "
            "clear the task 'train' and all after it"
        )
    rival, decided = decide_against(champion, rows, own, tuple(candidate["spec"]["horizons"]), settings)
    decision = in_time(decided, datetime.now(UTC), args.deadline)
    outcome = {
        "candidate_id": candidate["candidate_id"],
        "champion_candidate_id": champion.candidate_id if champion else None,
        "verdict": decision.verdict,
        "reason": decision.reason,
        "metrics": {f"h{horizon}": horizon_metrics(scores, horizon) for horizon, scores in own.scored.items()},
    }
    gains, coefficients = insides(store, candidate)
    inputs = {"inputs": args.inputs}
    before, changed = since(store, args.session, outcome | inputs)
    report = render(
        ReportData(
            run_id=args.run_id,
            candidate=CandidateDocument.model_validate(candidate),
            decision=decision,
            panels=own.panels,
            scored=own.scored,
            contenders=(own.contender, rival) if rival else (own.contender,),
            gains=gains,
            coefficients=coefficients,
            data={name: value for name, value in args.inputs.items() if name not in _NOT_COUNTS},
            since=(before, changed),
        )
    )
    compared = [dataclasses.asdict(comparison) for comparison in decision.comparisons]
    key, path = write(
        store, runtime, args, report, outcome | inputs | {"comparisons": compared} | _changes_to_json(before, changed)
    )
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


def decide_against(
    champion: Champion | None,
    rows: pl.DataFrame,
    own: CandidateScores,
    horizons: tuple[int, ...],
    settings: GateSettings,
) -> tuple[Contender | None, GateDecision]:
    """The champion as the gate sees it, and the verdict; a gate that cannot decide keeps the champion."""
    rival = None
    try:
        if champion:
            rival = judge(rows, champion.candidate_id, champion.session, settings).contender
        return rival, decide(own.contender, rival, horizons, settings)
    except GateError as error:
        return rival, undecided(error, champion.candidate_id if champion else None)


def held(
    args: StepArgs, runtime: Runtime, store: ArtifactStore, started: datetime, decision: GateDecision
) -> dict[str, Any]:
    """The verdict where there is no candidate to judge: the report states why."""
    reason = decision.reason
    champion, _ = read_champion(store)
    outcome: dict[str, Any] = {
        "candidate_id": None,
        "champion_candidate_id": champion.candidate_id if champion else None,
        "verdict": decision.verdict,
        "reason": reason,
        "metrics": {},
    }
    data = {name: value for name, value in args.inputs.items() if name not in _NOT_COUNTS}
    inputs = {"inputs": args.inputs}
    before, changed = since(store, args.session, outcome | inputs)
    skipped = args.inputs.get("skipped") or ()
    report = render_held(args.session.isoformat(), args.run_id, reason, data, skipped, (before, changed))
    key, path = write(
        store, runtime, args, report, outcome | inputs | {"comparisons": []} | _changes_to_json(before, changed)
    )
    record_run(
        lake_session(runtime, f"afterbell evaluate {args.session}"),
        args,
        started,
        rows=0,
        snapshots_in={},
        snapshots_out={},
        commit_id="",
        verdict=decision.verdict,
        detail={"reason": reason, "report": key},
    )
    return outcome | {"report_key": key, "report_path": str(path)}


def since(store: ArtifactStore, session: date, now: dict[str, Any]) -> tuple[str, list[Change]]:
    """The session before, and what changed since its newest run; nothing where that left no figures."""
    before = Exchange(load_platform().exchange).previous(session).isoformat()
    documents = [document for document in store.list(f"reports/{before}/") if document.key.endswith("/metrics.json")]
    daily = [document for document in documents if not document.key.split("/")[2].startswith(EXPERIMENT_RUNS)]
    if not daily:
        return "", []
    newest = max(daily, key=lambda document: (document.modified or datetime.min.replace(tzinfo=UTC), document.key))
    try:
        figures = json.loads(store.get(newest.key))
    except (ValueError, ObjectMissingError, ObjectTooLargeError):
        return "", []  # yesterday's broken document does not stop tonight's run
    return (before, changes(figures, now)) if isinstance(figures, dict) else ("", [])


def _changes_to_json(before: str, changed: list[Change]) -> dict[str, Any]:
    return {"since": {"session": before, "changes": [change.to_json() for change in changed]}} if before else {}


def write(
    store: ArtifactStore, runtime: Runtime, args: StepArgs, report: str, figures: dict[str, Any]
) -> tuple[str, Path]:
    """Put the report and its figures into the artifact bucket, and the report below AFTERBELL_HOME; key and path."""
    slug = run_slug(args.run_id)
    folder = f"reports/{args.session.isoformat()}/{slug}"
    text = json.dumps(figures, sort_keys=True, indent=2, default=str, allow_nan=False)
    store.put(f"{folder}/metrics.json", text.encode())
    store.put(f"{folder}/report.html", report.encode())
    path = runtime.home / "reports" / f"{args.session.isoformat()}-{slug}.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(report, encoding="utf-8")
    return f"{folder}/report.html", path


if __name__ == "__main__":
    sys.exit(run_step("evaluate", evaluate))
