"""Apply a release to the universe of --session and write the signals for the session after it.

Inputs: bars_snapshot, actions_snapshot, features_snapshots, release_id, and whether that is the champion (``serves``),
as ``publish`` saw it: one that a person took back since is not scored. Every model is checked by its digest before it
is opened. Every symbol with a feature row is scored; those outside the universe that the models were trained on are
marked so. The rows of a session and definition never change, so a rerun with the same release changes nothing, but it
makes the files of the signals that a crash kept from being written.
"""

from __future__ import annotations

import sys
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial

from pyspark.sql import DataFrame, SparkSession

from afterbell.calendar.sessions import Exchange
from afterbell.cluster.environment_check import require_alike
from afterbell.config.runtime import Runtime
from afterbell.errors import AfterbellError, StaleInputError
from afterbell.evaluation.panel import BLEND
from afterbell.features.grid import cut_off_micros
from afterbell.lake.append import append_once
from afterbell.lake.commit import commit_id, ensure_table, find_commit, snapshot_summary
from afterbell.lake.spark import lake_session_beside
from afterbell.lake.tables import BARS, CORPORATE_ACTIONS, SHADOW_SIGNALS, SIGNALS, Table
from afterbell.release.audit import moves
from afterbell.release.catalog import read_champion
from afterbell.release.manifest import Manifest
from afterbell.run.contracts.models import ScoreInputs, ScoreResult
from afterbell.run.job import StepArgs, run_step
from afterbell.run.record import record_run
from afterbell.run.steps import SCORE
from afterbell.scoring.export import export_signals
from afterbell.scoring.feature_rows import session_rows
from afterbell.scoring.models import ModelText, open_release
from afterbell.scoring.score_spark import count_finite, score_frame, signals
from afterbell.scoring.universe import liquidity_of, members, read_judged, rule_of
from afterbell.stores.artifacts import ArtifactStore
from afterbell.training.packages import all_packages


def score(args: StepArgs[ScoreInputs]) -> ScoreResult:
    """Write the signals of one release, unless they are there already."""
    started = datetime.now(UTC)
    runtime, exchange = Runtime.from_env(), Exchange()
    snapshots, release_id = args.inputs.features_snapshots, args.inputs.release_id
    session = exchange.next(args.session)
    store = ArtifactStore(runtime.s3)
    spark, (manifest, models) = lake_session_beside(
        runtime, f"afterbell score {args.session}", lambda: open_release(store, release_id)
    )
    if args.inputs.serves:
        require_champion(store, release_id)
    ensure_table(spark, SIGNALS)
    commit = commit_id(
        "score",
        session=args.session,
        release_id=release_id,
        definition_hash=manifest.features.definition,
    )
    snapshot = find_commit(spark, SIGNALS, commit)
    noop = snapshot is not None
    if snapshot is None:
        require_alike(spark, all_packages())
        with ExitStack() as held:
            rows = session_rows(spark, args.session, manifest, args.inputs.features_snapshots, held)
            snapshot = _write(spark, runtime, args, rows, (manifest, models), commit)
    known_until = datetime.fromtimestamp(cut_off_micros(exchange, args.session) / 1e6, UTC)
    exports = export_signals(spark, runtime.s3, store, manifest, args.session, known_until)
    shadow = _score_shadow(spark, runtime, args, store) if args.inputs.shadow else None
    rows = int(snapshot_summary(spark, SIGNALS, snapshot).get("added-records", 0))
    read = {
        f"features.{schema.set}": snapshots[schema.set] for schema in manifest.features.sets if schema.set in snapshots
    }
    record_run(
        spark,
        args,
        started,
        rows=0 if noop else rows,
        snapshots_in={
            BARS.name: args.inputs.bars_snapshot,
            CORPORATE_ACTIONS.name: args.inputs.actions_snapshot,
            **read,
        },
        snapshots_out={SIGNALS.name: snapshot},
        commit_id=commit,
        verdict="noop" if noop else "done",
        detail={"release_id": release_id, "models": len(models), "signals_for": session.isoformat()},
    )
    return ScoreResult(
        release_id=release_id,
        session=session,
        as_of=args.session,
        rows=rows,
        models=len(models),
        signals_snapshot=snapshot,
        commit_id=commit,
        noop=noop,
        provisional=args.inputs.provisional,
        shadow=shadow,
        exports=exports,
    )


def _score_shadow(
    spark: SparkSession, runtime: Runtime, args: StepArgs[ScoreInputs], store: ArtifactStore
) -> str | None:
    """Score the last release that a person approved as well, for the gate; a session has its signals without it."""
    release_id = str(args.inputs.shadow)
    try:
        manifest, models = open_release(store, release_id)
        ensure_table(spark, SHADOW_SIGNALS)
        commit = commit_id(
            "shadow", session=args.session, release_id=release_id, definition_hash=manifest.features.definition
        )
        if find_commit(spark, SHADOW_SIGNALS, commit) is None:
            with ExitStack() as held:
                rows = session_rows(spark, args.session, manifest, args.inputs.features_snapshots, held)
                _write(spark, runtime, args, rows, (manifest, models), commit, SHADOW_SIGNALS)
    except AfterbellError as error:
        print(f"score: release {release_id} was not scored beside the champion: {error}", flush=True)
        return None
    return release_id


def require_champion(store: ArtifactStore, release_id: str) -> None:
    """Refuse to write the signals of a release that was the champion when `publish` ended, if a person moved it since.

    The run of another session may have published meanwhile: the signals of this session are those of its own release.

    Raises:
        StaleInputError: somebody rolled back or promoted.
    """
    champion, _ = read_champion(store)
    if champion is not None and champion.release_id == release_id:
        return
    for entry in moves(store, champion):
        if entry.target.release_id == release_id:
            return
        if entry.action != "publish":
            break
    raise StaleInputError(
        f"release {release_id} was the champion when this run's `publish` ended, "
        f"but now it is {champion.release_id if champion else 'none'} (./afterbell release history): clear the task "
        "'publish' and all after it, so that the current champion scores the session"
    )


def _write(
    spark: SparkSession,
    runtime: Runtime,
    args: StepArgs[ScoreInputs],
    rows: DataFrame,
    release: tuple[Manifest, tuple[ModelText, ...]],
    commit: str,
    table: Table = SIGNALS,
) -> int:
    """Score ``rows`` and append the signals under the commit id; returns the snapshot that has them."""
    manifest, models = release
    exchange, rule = Exchange(), rule_of(manifest)
    snapshots = (args.inputs.bars_snapshot, args.inputs.actions_snapshot)
    judged = read_judged(spark, runtime.s3, snapshots, exchange, args.session, rule)
    names = manifest.features.names
    scores = score_frame(rows, names, models, liquidity_of(manifest, judged, partial(count_finite, rows))).toPandas()
    inside = members(judged, scores, rule, len(names))
    session, weights = exchange.next(args.session), manifest.blend_weights()
    found = signals(scores, models, session, args.session, manifest.release_id, inside, weights)
    if table == SHADOW_SIGNALS:
        found = found[found["family"] == BLEND]
    schema = spark.table(table.full_name).schema
    frame = spark.createDataFrame(found.assign(provisional=args.inputs.provisional)[schema.fieldNames()], schema)
    snapshot, _ = append_once(frame.coalesce(1), table, commit)
    return snapshot


if __name__ == "__main__":
    sys.exit(run_step(SCORE, score))
