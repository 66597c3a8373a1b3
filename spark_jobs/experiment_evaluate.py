"""Judge the candidate of an experiment as the gate judges the daily run's, and write the experiment's report.

Inputs: experiment, request, promote, champion, champion_oos_snapshot, candidate_id, oos_snapshot. Writes
``experiments/<id>/report.html`` and ``metrics.json``, and the report to ``<AFTERBELL_HOME>/reports`` as well. The
champion is the one that served when the experiment began. Nothing is promoted here.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime

from afterbell.calendar.sessions import Exchange
from afterbell.config.platform import load_platform
from afterbell.config.runtime import Runtime
from afterbell.errors import GateError, StaleInputError
from afterbell.evaluation.blend_weights import is_learned, weights_by_horizon
from afterbell.evaluation.candidate_scores import CandidateScores, judge, read_models, read_rows, weights_of
from afterbell.evaluation.findings import judged_sessions
from afterbell.evaluation.gate import GateDecision, Rival, decide
from afterbell.evaluation.live_record import read_live
from afterbell.evaluation.metrics import horizon_metrics
from afterbell.evaluation.report import ReportData
from afterbell.evaluation.rivals import Records, read_rival
from afterbell.evaluation.settings import GateSettings, load_gate
from afterbell.experiments.report import SearchedFamily, deflated, outcome, render, title
from afterbell.experiments.request import ExperimentRequest, root_of
from afterbell.experiments.resolve import asked
from afterbell.lake.commit import commit_id
from afterbell.lake.spark import lake_session
from afterbell.lake.tables import EXPERIMENTS
from afterbell.release.compared import read_compared
from afterbell.run.contracts.experiments import ExperimentEvaluateInputs, ExperimentEvaluateResult
from afterbell.run.contracts.models import HorizonMetrics
from afterbell.run.job import StepArgs, run_step
from afterbell.run.record import record_run
from afterbell.run.steps import EXPERIMENT_EVALUATE
from afterbell.stores.artifacts import ArtifactStore
from afterbell.training.candidate import read_candidate
from afterbell.training.spec import load_spec

_NOT_FIGURES = {"report_key", "report_path", "moves", "said"}


def experiment_evaluate(args: StepArgs[ExperimentEvaluateInputs]) -> ExperimentEvaluateResult:
    """Metrics, verdict and report."""
    started = datetime.now(UTC)
    runtime, gate = Runtime.from_env(), load_gate()
    experiment, request = asked(args.inputs)
    settings = gate.model_copy(update={"portfolio": gate.portfolio.model_copy(update={"cost_bps": request.cost_bps})})
    store, root = ArtifactStore(runtime.s3), root_of(experiment)
    candidate = read_candidate(store, args.inputs.candidate_id, root)
    spark = lake_session(runtime, f"afterbell experiment {experiment} evaluate")
    snapshot = args.inputs.oos_snapshot
    candidate_id = candidate.candidate_id
    rows = read_rows(spark, runtime.s3, snapshot, [candidate_id], EXPERIMENTS)
    learned = is_learned(candidate.spec)
    own = judge(rows, candidate_id, candidate.session, settings, learned=learned)
    if not own.panels:
        raise StaleInputError(
            f"candidate {candidate_id} of experiment {experiment} has no out-of-sample predictions at snapshot "
            f"{snapshot}: start the experiment again"
        )

    def read() -> Rival | None:
        champion, oos_snapshot = args.inputs.champion, args.inputs.champion_oos_snapshot
        if not champion or oos_snapshot is None:
            return None
        # A person is asked about each promotion, so that nothing is measured from the last one.
        serving = read_compared(store, champion)
        live = read_live(spark, runtime.s3, [champion], judged_sessions(own)[0], candidate.session)
        return read_rival(Records(spark, runtime.s3, oos_snapshot, live), serving, serving, own, candidate, settings)

    rival, decision = judged(own, read, request, settings)
    weights = weights_by_horizon(own.panels, learned=learned)
    metrics = {f"h{h}": horizon_metrics(scores, h, weights.get(h)) for h, scores in own.scored.items()}
    searched = [SearchedFamily.model_validate(entry) for entry in candidate.search]
    path = runtime.home / "reports" / f"experiment-{experiment}.html"
    result = ExperimentEvaluateResult(
        experiment=experiment,
        candidate_id=candidate_id,
        champion=args.inputs.champion,
        verdict=decision.verdict,
        reason=decision.reason,
        metrics={horizon: HorizonMetrics.model_validate(values) for horizon, values in metrics.items()},
        trials=request.trials,
        deflated_sharpe=deflated(own),
        report_key=f"{root}report.html",
        report_path=str(path),
        moves=decision.verdict == "publish" and args.inputs.promote,
        summary=f"experiment {request.name} ({experiment}): {decision.verdict}, {decision.reason}",
    )
    gains, coefficients = weights_of(read_models(store, candidate, root))
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
            title=title(request),
            outcome=outcome(promote=args.inputs.promote),
            calendar=Exchange(load_platform().exchange).between(request.first, args.session),
            cost_bps=request.cost_bps,
        ),
        request,
        searched,
        result.deflated_sharpe,
    )
    compared = [dataclasses.asdict(comparison) for comparison in decision.comparisons]
    summary = result.model_dump(mode="json", exclude_unset=True, exclude=_NOT_FIGURES)
    inputs = {"inputs": args.inputs.to_json()}
    text = json.dumps(summary | {"comparisons": compared, "search": candidate.search} | inputs, default=str)
    store.put(f"{root}metrics.json", text.encode())
    store.put(f"{root}report.html", report.encode())
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(report, encoding="utf-8")
    print(f"experiment_evaluate: {decision.verdict}: {decision.reason}; report {root}report.html", flush=True)
    record_run(
        spark,
        args,
        started,
        rows=own.rows,
        snapshots_in={EXPERIMENTS.name: snapshot},
        snapshots_out={},
        commit_id=commit_id(
            "experiment_evaluate", inputs=args.inputs.to_json(), config=settings.model_dump(mode="json")
        ),
        verdict=decision.verdict,
        detail={"experiment": experiment, "reason": decision.reason, "report": f"{root}report.html"},
    )
    return result


def judged(
    own: CandidateScores, read: Callable[[], Rival | None], request: ExperimentRequest, settings: GateSettings
) -> tuple[Rival | None, GateDecision]:
    """The champion as the gate sees it, and the verdict.

    What the gate would offer a person passes, since a person is asked here. Held is also what the daily run could not
    go on with.
    """
    daily = load_spec()
    strange = sorted(set(request.factor_sets) - set(daily.feature_sets))
    beyond = sorted(set(request.horizons) - set(daily.horizons))
    rival = None
    try:
        rival = read()
        decision = decide(own.contender, rival, request.horizons, settings)
    except GateError as error:
        # The daily run keeps the champion; an analyst has asked for the figures, with or without common sessions.
        return rival, GateDecision("hold", str(error))
    if decision.offer:
        decision = dataclasses.replace(decision, verdict="publish")
    if decision.verdict != "publish" or not (strange or beyond):
        return rival, decision
    return rival, GateDecision(
        "hold",
        f"{decision.reason}. But the daily run does not make "
        + " or ".join([f"factor set {name}" for name in strange] + [f"horizon {horizon}" for horizon in beyond])
        + ": name it in include/config/models/daily.yaml before a release may need it",
        decision.comparisons,
    )


if __name__ == "__main__":
    sys.exit(run_step(EXPERIMENT_EVALUATE, experiment_evaluate))
