"""The score step against a real artifact store and a small lake."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F  # noqa: N812 - the name everybody gives it

from afterbell.calendar.sessions import Exchange
from afterbell.config.runtime import Runtime
from afterbell.errors import AfterbellError, ObjectMissingError
from afterbell.evaluation.live_record import read_live
from afterbell.lake.append import append_once
from afterbell.lake.commit import ensure_table, head
from afterbell.lake.spark import lake_session
from afterbell.lake.tables import BARS, CORPORATE_ACTIONS, factor_table
from afterbell.release.audit import Action, Entry, next_instant, request_id, served_since
from afterbell.release.manifest import FeatureSchema, Manifest, ModelFile, SetSchema, parse_manifest
from afterbell.release.pointer import move
from afterbell.release.publish import point_at
from afterbell.release.trusted import read_champion
from afterbell.scoring.stored import find_release, newest_session
from afterbell.stores.artifacts import ArtifactStore
from spark_jobs.score import score
from tests.steps import call_step, step_args

DAY, BEFORE = date(2016, 7, 1), date(2016, 6, 30)  # the session after 1 July is the 5th, after a weekend and a holiday
NAMES = ("A", "B")
SETS = {"one": ("A",), "two": ("B",)}
TABLES = {name: factor_table(name, names) for name, names in SETS.items()}
ROWS = [("S0", 1.0, 0.0), ("S1", 2.0, None), ("S2", 0.5, 1.0), ("NONE", None, None)]
MISSING = ("S3", 7.0)
"""A symbol that has a row in the set ``one`` only."""
CLOSES = {"S0": 10.0, "S1": 1.5, "S2": 10.0, "S3": 10.0}
"""S1 is too cheap for the universe."""
UNIVERSE = {
    "min_price": 2.0,
    "min_median_dollar_volume": 5000.0,
    "window": 4,
    "min_window": 2,
    "min_feature_share": 0.5,
}
DEFINITIONS = {"one": "h", "two": "k"}


def ridge(weights: tuple[float, float], names: tuple[str, ...] = NAMES) -> bytes:
    """A model of two features with means of 0 and scales of 1."""
    content = {
        "format": "afterbell-ridge/1",
        "names": names,
        "means": [0.0, 0.0],
        "scales": [1.0, 1.0],
        "coefficients": weights,
        "intercept": 0.0,
        "clip": 5.0,
    }
    return json.dumps(content).encode()


def publish(
    store: ArtifactStore,
    number: int,
    body: bytes,
    stored: bytes | None = None,
    sets: dict[str, str] | None = None,
    universe: bool = True,
    session: date = BEFORE,
) -> str:
    """A release of ``body`` for two horizons; ``stored`` is what lies in the store instead. Returns its id.

    ``sets`` are the definitions of its factor sets; ``universe``: whether its specification has one.
    """
    release = f"{session}-{number:012x}"
    models = []
    for horizon in (1, 5):
        path = f"models/ridge-h{horizon}.json"
        store.put(f"releases/{release}/{path}", body if stored is None else stored)
        sha = hashlib.sha256(body).hexdigest()
        models.append(ModelFile(family="ridge", horizon=horizon, path=path, size=len(body), sha256=sha))
    manifest = Manifest(
        release_id=release,
        session=session,
        candidate_id=f"{number:012x}cdef",
        models=tuple(models),
        features=FeatureSchema(
            sets=tuple(
                SetSchema(set=name, definition_hash=definition, names=names)
                for (name, definition), names in zip((sets or DEFINITIONS).items(), SETS.values(), strict=True)
            )
        ),
        inputs={},
        spec={"universe": UNIVERSE} if universe else {},
        metrics={},
        verdict={},
        code_version="0",
        environment={},
    )
    store.put(f"releases/{release}/manifest.json", manifest.to_bytes())
    return release


def serve(store: ArtifactStore, release: str, action: Action = "publish") -> None:
    """Point at a release, with the entry that lets readers believe it."""
    current, etag = read_champion(store)
    at = next_instant(current)
    body = store.get(f"releases/{release}/manifest.json")
    manifest, digest = parse_manifest(body, release), hashlib.sha256(body).hexdigest()
    entry = Entry(
        id=request_id(action=action, release_id=release, run_id="run"),
        action=action,
        by="pipeline",
        reason="a test",
        run_id="run",
        at=at,
        source=current,
        target=point_at(manifest, digest, current.release_id if current else None, "run", at),
    )
    move(store, entry, etag)


def make_features(spark: SparkSession) -> None:
    """Rows of both sets, one of an older definition among them."""
    rows = {
        "one": [*((s, DAY, a, "h", 1) for s, a, _ in ROWS), (MISSING[0], DAY, MISSING[1], "h", 1)],
        "two": [*((s, DAY, b, "k", 1) for s, _, b in ROWS), ("S0", DAY, 9.0, "an older definition", 1)],
    }
    for name, table in TABLES.items():
        ensure_table(spark, table)
        append_once(spark.createDataFrame(rows[name], spark.table(table.full_name).schema), table, "rows")


def make_bars(spark: SparkSession) -> tuple[dict[str, int], int]:
    """Bars up to DAY, some of which became known too late; returns the snapshots, and one of before there were any."""
    exchange = Exchange()
    days = [*exchange.before(DAY, 5), DAY]
    rows = [bar(symbol, day, exchange.close(day), close) for symbol, close in CLOSES.items() for day in days]
    # After the cut-off S1 is found to have been dear enough, and S2 to have been too cheap: nobody knew on that night.
    late = exchange.close(DAY) + timedelta(hours=3)
    rows += [bar("S1", DAY, late, 50.0), bar("S2", DAY, late, 0.5)]
    for table in (BARS, CORPORATE_ACTIONS):
        ensure_table(spark, table)
    empty = head(spark, BARS)
    frame = spark.createDataFrame(rows, spark.table(BARS.full_name).schema)
    snapshots = {
        "bars_snapshot": append_once(frame, BARS, "bars")[0],
        "actions_snapshot": head(spark, CORPORATE_ACTIONS),
    }
    return snapshots, empty


def bar(symbol: str, day: date, known: datetime, close: float) -> tuple[object, ...]:
    """A thousand shares at one price."""
    return (symbol, day, close, close, close, close, 1000, close, known, int(known.hour > 22), "d")


def export_twice(store: ArtifactStore, run: Callable[[str], dict[str, Any]], release: str) -> dict[str, Any]:
    """The files of the signals: first, after a rerun, and after a rerun that found one lost."""
    keys = run(release)["exports"]
    first = {key: store.get_with_etag(key) for key in keys}
    before = {stored.key: stored.modified for stored in store.list("signals/")}
    run(release)
    after = {stored.key: stored.modified for stored in store.list("signals/")}
    store.delete(keys[0])
    run(release)
    frame = pd.read_parquet(BytesIO(first[keys[0]][0]))
    with pytest.raises(ObjectMissingError) as none:
        find_release(store, date(2016, 7, 6))
    with pytest.raises(ObjectMissingError) as another:
        find_release(store, date(2016, 7, 5), "x")
    return {
        "keys": keys,
        "untouched": before == after,
        "made again": {key: store.get_with_etag(key) for key in keys} == first,
        "rows": len(frame),
        "cut-off": str(frame["known_until"].unique()[0]),
        "lines": first[keys[1]][0].decode().count("\n"),
        "newest": [str(newest_session(store)), find_release(store, date(2016, 7, 5))],
        "errors": [str(none.value), str(another.value)],
    }


def live_of(spark: SparkSession, runtime: Runtime, release: str, before: date) -> list[list[Any]]:
    """What a release has scored before a session, as the gate reads it."""
    live = read_live(spark, runtime.s3, [release], BEFORE, before).sort("symbol", "horizon")
    return [[row["symbol"], str(row["as_of"]), row["horizon"], row["score"]] for row in live.to_dicts()]


def main(answer: Path) -> None:
    """Play it."""
    os.environ["AFTERBELL_ARTIFACT_BUCKET"] = "scoring"  # its champion and the trail of it are nobody else's
    runtime = Runtime.from_env()
    store = ArtifactStore(runtime.s3)
    store.ensure_bucket()
    spark = lake_session(runtime, "scenario")
    make_features(spark)
    bars, no_bars = make_bars(spark)

    def run(release: str, session: date = DAY, **more: object) -> dict[str, Any]:
        snapshots = {name: head(spark, table) for name, table in TABLES.items()}
        inputs = {**bars, "features_snapshots": snapshots, "release_id": release, **more}
        try:
            return call_step(score, step_args("score", session, "run", datetime(2030, 1, 1, tzinfo=UTC), inputs))
        except AfterbellError as error:
            return {"error": type(error).__name__, "message": str(error)}

    good = ridge((1.0, 10.0))
    releases = {
        "good": publish(store, 1, good),
        "tampered": publish(store, 2, good, stored=good.replace(b"10.0", b"99.0")),
        "other definition": publish(store, 3, good, sets={"one": "h", "two": "trained-on-another"}),
        "overflowing": publish(store, 4, ridge((1e308, 1e308))),
        "other set": publish(store, 6, good, sets={"one": "h", "three": "k"}),
        "other order": publish(store, 5, ridge((1.0, 10.0), names=NAMES[::-1])),
        "no universe": publish(store, 8, good, universe=False),
    }
    seen: dict[str, Any] = {name: run(release) for name, release in releases.items()}
    seen["files"] = export_twice(store, run, releases["good"])
    seen["again"] = run(releases["good"])
    seen["no rows"] = run(releases["good"], BEFORE)
    seen["no such release"] = run("../champion")
    seen["no champion"] = run(releases["good"], serves=True)
    serve(store, releases["good"])
    serve(store, releases["other set"])
    seen["overtaken"] = run(releases["good"], serves=True)
    serve(store, releases["other order"], "rollback")
    seen["rolled back"] = run(releases["good"], serves=True)
    seen["a backfill's"] = run(releases["good"], serves=False)
    serve(store, releases["good"])
    seen["the champion"] = run(releases["good"], serves=True)
    found = spark.table("lake.signals.daily").collect()
    seen["rows"] = [
        [r.symbol, str(r.session), str(r.as_of), r.horizon, r.family, r.score, r.rank, r.release_id] for r in found
    ]
    seen["universe"] = {
        r.symbol: [r.in_universe, r.universe_rank] for r in found if (r.horizon, r.family) == (1, "blend")
    }
    other = publish(store, 7, ridge((10.0, 1.0)))
    seen["beside"] = run(releases["good"], shadow=other)
    seen["beside again"] = run(releases["good"], shadow=other)
    seen["beside what fails"] = run(releases["good"], shadow=releases["overflowing"])
    seen["beside what is gone"] = run(releases["good"], shadow="2016-01-04-ffffffffffff")
    seen["no bars"] = run(other, bars_snapshot=no_bars)
    seen["provisional"] = run(other, provisional=True)
    found = spark.table("lake.signals.shadow").collect()
    seen["shadow rows"] = [[r.symbol, str(r.as_of), r.horizon, r.family, r.score, r.release_id] for r in found]
    found = spark.table("lake.signals.daily").where(F.col("provisional")).collect()
    seen["provisional rows"] = sorted({r.release_id for r in found})
    run(of_later := publish(store, 9, good, session=date(2016, 7, 5)))
    seen["live"] = live_of(spark, runtime, releases["good"], date(2100, 1, 1))
    seen["live before"] = live_of(spark, runtime, releases["good"], DAY)
    seen["live of a later release"] = live_of(spark, runtime, of_later, date(2100, 1, 1))
    champion, _ = read_champion(store)
    seen["served"] = [served_since(store, champion, since) for since in (date.min, date.max)]
    answer.write_text(json.dumps(seen), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
