"""Judge a candidate against the champion, out of sample, and write the report of the run.

Inputs: candidate_id, oos_snapshot; counts of the data among the other inputs go into the report. Writes
``<AFTERBELL_HOME>/reports/<session>-<run slug>.html``, and ``report.html`` and ``metrics.json`` to the artifact bucket.
Nothing is published here: the verdict is for the step ``publish``.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import polars as pl
from pydantic import JsonValue

from afterbell.calendar.sessions import Exchange
from afterbell.config.platform import load_platform
from afterbell.config.runtime import Runtime
from afterbell.errors import (
    GateError,
    PermanentError,
    StaleInputError,
)
from afterbell.evaluation.blend_weights import is_learned, weights_by_horizon
from afterbell.evaluation.candidate_scores import CandidateScores, judge, read_models, read_rows, weights_of
from afterbell.evaluation.characteristics import read_characteristics
from afterbell.evaluation.final_check import problems_of
from afterbell.evaluation.findings import FittedModels, check_finals, closer_look, judged_sessions, weigh
from afterbell.evaluation.gate import GateDecision, Rival, decide, hold_for, in_time, undecided
from afterbell.evaluation.live_record import live_record, read_live
from afterbell.evaluation.metrics import horizon_metrics
from afterbell.evaluation.previous_figures import changes_to_json, read_changes
from afterbell.evaluation.report import ReportData, render, render_held
from afterbell.evaluation.rivals import Records, read_rival
from afterbell.evaluation.settings import GateSettings, load_gate
from afterbell.lake.commit import commit_id
from afterbell.lake.spark import lake_session, lake_session_beside
from afterbell.lake.tables import OUT_OF_SAMPLE
from afterbell.release.audit import served_since
from afterbell.release.catalog import read_champion, read_manifest, read_model
from afterbell.release.compared import read_compared
from afterbell.release.manifest import Champion
from afterbell.release.turn import give_back_turn, take_turn
from afterbell.run.contracts.base import to_json
from afterbell.run.contracts.models import EvaluateInputs, EvaluateResult, HorizonMetrics
from afterbell.run.job import StepArgs, run_slug, run_step
from afterbell.run.record import record_run
from afterbell.run.steps import EVALUATE
from afterbell.stores.artifacts import ArtifactStore
from afterbell.training.candidate import read_candidate
from afterbell.training.candidate_document import TrainedSet
from afterbell.training.families import load_model
from afterbell.training.families.base import Model
from afterbell.training.inputs import TrainingSnapshots

_NOT_COUNTS = frozenset({
    "candidate_id", "oos_snapshot", "features_snapshots", "definition_hashes", "held", "skipped",
})  # fmt: skip


def evaluate(args: StepArgs[EvaluateInputs]) -> EvaluateResult:
    """Metrics, verdict and report of one candidate.

    A run whose candidate is to be published has its turn until `publish` gives it back.
    """
    started = datetime.now(UTC)
    runtime, settings = Runtime.from_env(), load_gate()
    store = ArtifactStore(runtime.s3)
    if args.inputs.held:
        return held(args, runtime, store, started, GateDecision("hold", args.inputs.held))
    take_turn(store, args.run_id, args.deadline, partial(print, file=sys.stderr, flush=True))
    verdict = None
    try:
        outcome = _judge(args, runtime, store, settings, started)
        verdict = outcome.verdict
    finally:
        if verdict != "publish":
            give_back_turn(store, args.run_id)
    return outcome


def _judge(
    args: StepArgs[EvaluateInputs], runtime: Runtime, store: ArtifactStore, settings: GateSettings, started: datetime
) -> EvaluateResult:
    candidate_id, snapshot = args.inputs.candidate
    spark, (candidate, (champion, _)) = lake_session_beside(
        runtime,
        f"afterbell evaluate {args.session}",
        lambda: (read_candidate(store, candidate_id), read_champion(store)),
    )
    ids = [candidate.candidate_id, *([champion.candidate_id] if champion else [])]
    rows = read_rows(spark, runtime.s3, snapshot, ids)
    try:
        learned = is_learned(candidate.spec)
        own = judge(rows, candidate.candidate_id, candidate.session, settings, learned=learned)
    except GateError as error:
        return held(args, runtime, store, started, undecided(error, champion.candidate_id if champion else None))
    if not own.panels:
        raise StaleInputError(
            f"candidate {candidate.candidate_id} has no out-of-sample predictions at snapshot {snapshot}: "
            "clear the task 'train' and all after it"
        )
    weights = weights_by_horizon(own.panels, learned=learned)
    final = FittedModels(candidate.features.sets, read_models(store, candidate), weights)
    snapshots, serving_models = args.inputs.features_snapshots, read_champion_models(store, champion)
    finals = check_finals(spark, runtime.s3, snapshots, own, final, args.session, serving_models)

    first = judged_sessions(own)[0]
    traded = served_since(store, champion, first)
    live = read_live(spark, runtime.s3, {*traded, *([champion.approved_id] if champion else [])}, first, args.session)

    def read() -> Rival | None:
        if champion is None:
            return None
        serving, approved = (read_compared(store, name) for name in (champion.release_id, champion.approved_id))
        records = Records(spark, runtime.s3, snapshot, live, rows)
        return read_rival(records, serving, approved, own, candidate, settings)

    rival, decided = decide_against(champion, read, own, tuple(candidate.spec["horizons"]), settings)
    decision = in_time(hold_for(decided, problems_of(finals.values())), datetime.now(UTC), args.deadline)
    metrics = {f"h{h}": horizon_metrics(scores, h, weights.get(h)) for h, scores in own.scored.items()}
    outcome = _result(args, candidate.candidate_id, champion, decision, metrics, runtime)
    gains, coefficients = weights_of(final.models)
    served = judge_champion(rows, champion, settings, learned=bool(serving_models and serving_models.weights))
    judged = [own, served] if served else [own]
    trained_on = TrainingSnapshots.of(args.inputs, tuple(candidate.spec["feature_sets"]))
    characteristics = read_characteristics(spark, runtime.s3, trained_on, *judged_sessions(*judged))
    holdings = [weigh(each, characteristics, settings.portfolio) for each in judged]
    record = live_record(live, traded, own.panels, settings.portfolio.min_symbols)
    figures = _figures(outcome, args.inputs) | {"closer": closer_look(holdings[0], finals), "live": record.to_json()}
    before, changed = read_changes(store, args.session, figures)
    report = render(
        ReportData(
            run_id=args.run_id,
            candidate=candidate,
            decision=decision,
            panels=own.panels,
            scored=own.scored,
            rival=rival,
            gains=gains,
            coefficients=coefficients,
            data=_counts(args.inputs),
            since=(before, changed),
            calendar=Exchange(load_platform().exchange).between(first, args.session),
            champion=served,
            holdings=holdings,
            finals=finals,
            live=record,
            cost_bps=settings.portfolio.cost_bps,
            volume_share=settings.portfolio.volume_share,
        )
    )
    compared = [dataclasses.asdict(comparison) for comparison in decision.comparisons]
    write(store, outcome, report, figures | {"comparisons": compared} | changes_to_json(before, changed))
    record_run(
        spark,
        args,
        started,
        rows=own.rows,
        snapshots_in={OUT_OF_SAMPLE.name: snapshot},
        snapshots_out={},
        commit_id=commit_id("evaluate", session=args.session, inputs=ids, config=settings.model_dump(mode="json")),
        verdict=decision.verdict,
        detail={"reason": decision.reason, "report": outcome.report_key},
    )
    return outcome


def _result(
    args: StepArgs[EvaluateInputs],
    candidate_id: str | None,
    champion: Champion | None,
    decision: GateDecision,
    metrics: Mapping[str, Mapping[str, object]],
    runtime: Runtime,
) -> EvaluateResult:
    slug, session = run_slug(args.run_id), args.session.isoformat()
    return EvaluateResult(
        candidate_id=candidate_id,
        champion_candidate_id=champion.candidate_id if champion else None,
        verdict=decision.verdict,
        reason=decision.reason,
        metrics={horizon: HorizonMetrics.model_validate(values) for horizon, values in metrics.items()},
        report_key=f"reports/{session}/{slug}/report.html",
        report_path=str(runtime.home / "reports" / f"{session}-{slug}.html"),
        offer=decision.offer,
    )


def _figures(outcome: EvaluateResult, inputs: EvaluateInputs) -> dict[str, JsonValue]:
    """The content of ``metrics.json``: the verdict, and what it was made of."""
    figures: dict[str, JsonValue] = {"inputs": inputs.to_json()}
    return figures | {name: value for name, value in to_json(outcome).items() if not name.startswith("report_")}


def _counts(inputs: EvaluateInputs) -> dict[str, JsonValue]:
    return {name: value for name, value in inputs.to_json().items() if name not in _NOT_COUNTS}


def decide_against(
    champion: Champion | None,
    read: Callable[[], Rival | None],
    own: CandidateScores,
    horizons: tuple[int, ...],
    settings: GateSettings,
) -> tuple[Rival | None, GateDecision]:
    """The champion as the gate sees it, and the verdict; a gate that cannot decide keeps the champion."""
    rival = None
    try:
        rival = read()
        return rival, decide(own.contender, rival, horizons, settings)
    except GateError as error:
        return rival, undecided(error, champion.candidate_id if champion else None)


def judge_champion(
    rows: pl.DataFrame, champion: Champion | None, settings: GateSettings, *, learned: bool
) -> CandidateScores | None:
    """The champion's own out-of-sample figures, for the report; None where it has none that can be read."""
    if champion is None:
        return None
    try:
        served = judge(rows, champion.candidate_id, champion.session, settings, learned=learned)
    except GateError:
        return None
    return served if served.panels else None


def read_champion_models(store: ArtifactStore, champion: Champion | None) -> FittedModels | None:
    """The models that serve; None where none do, or one cannot be read: a broken champion stops no candidate."""
    if champion is None:
        return None
    try:
        manifest = read_manifest(store, champion.release_id)
        models: dict[int, dict[str, Model]] = {}
        for entry in manifest.models:
            body = read_model(store, champion.release_id, entry)
            models.setdefault(entry.horizon, {})[entry.family] = load_model(entry.family, body)
    except PermanentError as error:
        print(f"evaluate: no comparison with the champion's models: {error}", file=sys.stderr, flush=True)
        return None
    sets = tuple(TrainedSet(**schema.model_dump()) for schema in manifest.features.sets)
    return FittedModels(sets, models, manifest.blend_weights())


def held(
    args: StepArgs[EvaluateInputs], runtime: Runtime, store: ArtifactStore, started: datetime, decision: GateDecision
) -> EvaluateResult:
    """The verdict where there is no candidate to judge: the report states why."""
    reason = decision.reason
    champion, _ = read_champion(store)
    outcome = _result(args, None, champion, decision, {}, runtime)
    figures = _figures(outcome, args.inputs)
    before, changed = read_changes(store, args.session, figures)
    report = render_held(
        args.session.isoformat(), args.run_id, reason, _counts(args.inputs), args.inputs.skipped, (before, changed)
    )
    write(store, outcome, report, figures | {"comparisons": []} | changes_to_json(before, changed))
    record_run(
        lake_session(runtime, f"afterbell evaluate {args.session}"),
        args,
        started,
        rows=0,
        snapshots_in={},
        snapshots_out={},
        commit_id="",
        verdict=decision.verdict,
        detail={"reason": reason, "report": outcome.report_key},
    )
    return outcome


def write(store: ArtifactStore, outcome: EvaluateResult, report: str, figures: Mapping[str, object]) -> None:
    """Put the report and its figures into the artifact bucket, and the report below AFTERBELL_HOME."""
    text = json.dumps(figures, sort_keys=True, indent=2, default=str, allow_nan=False)
    store.put(f"{outcome.report_key.rpartition('/')[0]}/metrics.json", text.encode())
    store.put(outcome.report_key, report.encode())
    path = Path(outcome.report_path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(report, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(run_step(EVALUATE, evaluate))
