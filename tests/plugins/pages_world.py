"""A run and a release as steps leave them in the artifact store, and the champion's pointer with its audit trail."""

from __future__ import annotations

from datetime import timedelta

from tests.plugins.conftest import CLOSE, SESSION, put

RUN_ID, SLUG = "manual__2026-06-30T20:00:05", "manual_2026_06_30T20_00_05"
HOSTILE = '<script>alert("x")</script>'
MANIFEST = {
    "release_id": "2026-06-30-0123456789ab",
    "session": "2026-06-30",
    "candidate_id": "0123456789abcdef",
    "models": [
        {"family": "ridge", "horizon": 1, "path": "models/ridge-h1.json", "size": 1234, "sha256": "a" * 64},
        {"family": "lightgbm", "horizon": 5, "path": "models/lightgbm-h5.txt", "size": 5678, "sha256": "b" * 64},
    ],
    "features": {"sets": [{"set": "core", "definition_hash": "c0ffee", "names": ["mom5", "vol20"]}]},
    "inputs": {"bars_snapshot": 42},
    "spec": {"horizons": [1, 5], "families": {"ridge": {"alpha": 1.0}}},
    "metrics": {"h1": {"ic": 0.05, "rank_ic": 0.04, "sharpe_net": 1.5}, "h5": {"ic": 0.03, "rank_ic": 0.02}},
    "verdict": {"verdict": "publish", "reason": "better"},
    "code_version": "0.2.0+abc",
    "environment": {"python": "3.11.7"},
}
ENTRY = "audit/20260630T200111.000000Z-0123456789abcdef"


def result(step, begun, seconds, **more):
    """What a step writes at its end; ``begun`` is in seconds after the closing bell."""
    started = CLOSE + timedelta(seconds=begun)
    ended = started + timedelta(seconds=seconds)
    return {
        "step": step,
        "started_at": started.isoformat(),
        "finished_at": ended.isoformat(),
        "seconds": seconds,
    } | more


def put_run(store, session=SESSION, slug=SLUG, **more):
    found = {
        "ingest": result(
            "ingest", 10, 20, drops={"landed": 3, "quarantined": 1}, rows=1000, quarantined_rows=7,
            quarantine_by_rule={"price_positive": 5, "field_count": 2},
            refused_drops=[{"key": "prices/x.csv.gz", "reason": "not a session"}],
        ),
        "validate": result("validate", 40, 10, expectations=45, failed=0, warnings=[], data_docs="file:///x/index.html"),
        "evaluate": result("evaluate", 60, 5, verdict="publish", reason="better than before", metrics={}),
        "publish": result(
            "publish", 70, 1, release_id=MANIFEST["release_id"], published=MANIFEST["release_id"], moved=True,
            reason="the pointer moved",
        ),
    }  # fmt: skip
    for step, body in (found | more).items():
        put(store, f"runs/{session}/{slug}/{step}.json", body)
    late = {"source": "us_reports", "late_minutes": 12.5}
    inputs = {"late_drops": [late], "missing_drops": [{"source": "us_symbols"}]}
    put(store, f"reports/{session}/{slug}/metrics.json", {"inputs": inputs})


def put_release(store, release_id="2026-06-30-0123456789ab", **more):
    named = {"release_id": release_id, "session": release_id[:10], "candidate_id": f"{release_id[11:]}cdef"}
    body = MANIFEST | named | more
    put(store, f"releases/{release_id}/manifest.json", body)
    return body


def champion(release_id="2026-06-30-0123456789ab", **more):
    return {
        "release_id": release_id, "session": release_id[:10], "candidate_id": "0123456789abcdef",
        "manifest_sha256": "d" * 64, "previous": None, "moved_at": "2026-06-30T20:01:11+00:00", "run_id": RUN_ID,
    } | more  # fmt: skip


def put_champion(store, release_id="2026-06-30-0123456789ab", entry=None, **more):
    """The pointer, with the entry of the audit trail that it is believed for."""
    pointer = champion(release_id, **more)
    told = {"id": ENTRY[-16:], "action": "publish", "by": "pipeline", "reason": "better", "run_id": RUN_ID,
            "at": "2026-06-30T20:01:11Z", "source": None, "target": pointer}  # fmt: skip
    put(store, f"{ENTRY}.json", told | (entry or {}))
    put(store, f"{ENTRY}.moved.json", {"entry": f"{ENTRY}.json"})
    put(store, "champion.json", pointer | {"audit": f"{ENTRY}.json"})


def at(seconds):
    return CLOSE + timedelta(seconds=seconds)
