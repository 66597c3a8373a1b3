"""A search over the real drops: ingest, features, then the step that trains, with hundreds of fits and a deadline.

By the variables ``BENCH_MINUTES``, ``BENCH_TRIALS`` (of each family and horizon) and ``BENCH_SESSIONS`` (the first so
many alone) it is made shorter; without real drops it runs over simulated ones.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import yaml

from afterbell.cli.market import write_folder
from afterbell.config.loader import config_folder
from afterbell.simulation.feed import deliveries
from afterbell.simulation.market import MarketSpec, simulate
from bench.ingest import REAL
from bench.measure import Figure
from bench.replay import sessions_of
from bench.services import drive, services

_MINUTES = float(os.environ.get("BENCH_MINUTES") or 60)
_TRIALS = int(os.environ.get("BENCH_TRIALS") or 32)
"""With three horizons and three families 558 fits, if none fails."""
_SESSIONS = int(os.environ.get("BENCH_SESSIONS") or 0)
_MODELS: dict[str, Any] = {
    "feature_sets": ["alpha158"],
    "horizons": [1, 5, 10],
    "families": {"lightgbm": {}, "ridge": {}, "xgboost": {}},
    "search": {"trials": _TRIALS},
}


def real_search() -> list[Figure]:
    """What the search found, what it pruned and left out, and how fast it was."""
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        drops, what = REAL, "the real drops"
        if not drops.is_dir() or _SESSIONS:
            drops, what = Path(scratch) / "drops", "simulated drops of 300 symbols"
            write_folder(deliveries(simulate(MarketSpec(symbols=300, sessions=_SESSIONS or 300))), drops)
        last = sessions_of(drops, "")[-1].isoformat()
        config, answer = Path(scratch) / "config", Path(scratch) / "answer.json"
        _configure(config)
        with services(drops) as env:
            arguments = [last, str(_MINUTES), str(answer)]
            status = drive("bench.real_search_driver", arguments, {**env, "AFTERBELL_CONFIG": str(config)})
        if status:
            raise RuntimeError(f"the driver ended with status {status}; its output is above")
        return _figures(json.loads(answer.read_text(encoding="utf-8")), f"{what} up to {last}")


def _configure(folder: Path) -> None:
    """The project's configuration with the models of this measurement."""
    shutil.copytree(config_folder(), folder)
    path = folder / "models" / "daily.yaml"
    spec = yaml.safe_load(path.read_text(encoding="utf-8"))
    families = {name: spec["families"].get(name, params) for name, params in _MODELS["families"].items()}
    spec |= _MODELS | {"families": families, "search": spec["search"] | _MODELS["search"]}
    path.write_text(yaml.safe_dump(spec), encoding="utf-8")


def _figures(answer: dict[str, Any], what: str) -> list[Figure]:
    if answer["held"]:
        return [Figure("fits", 0, "", f"{what}: {answer['held']}", 0)]
    fits, seconds = answer["fits"], answer["seconds"]
    took = f"the step took {seconds / 60:.1f} minutes on {os.cpu_count()} cores"
    note = f"{what}, a deadline of {_MINUTES:g} minutes; {took}"
    figures = [
        Figure("fits", fits, "", f"{note}; {answer['rows']:,} training rows of the largest", 0),
        Figure("rate", 60 * fits / seconds, "fits/min", "of the whole step, its reading of the lake included", 1),
    ]
    figures += [_choice(entry) for entry in answer["search"]]
    figures += [
        Figure(f"h{horizon} {family}, reported", value, "rank IC", "of the sessions that the choice never saw, mean", 4)
        for horizon, families in answer["reported"].items()
        for family, value in families.items()
    ]
    return figures


def _choice(entry: dict[str, Any]) -> Figure:
    """The best trial of a family and horizon, by the folds that the choice saw."""
    name = f"{entry['family']} h{entry['horizon']}"
    best = next((trial for trial in entry["trials"] if trial["number"] == entry["chosen"]), None)
    left_out = f"left out: {entry['left_out'] or 'nothing'}"
    if best is None or best["rank_ic"] is None:
        return Figure(f"{name}, trials done", entry["done"], f"of {entry['planned']}", left_out, 0)
    params = ", ".join(f"{key} {value:.4g}" for key, value in best["params"].items())
    note = (
        f"trial {entry['chosen']} ({params}) of {entry['done']} done and {entry['planned']} planned, {entry['pruned']} "
        f"pruned, {entry['failed']} failed; deflated Sharpe ratio {entry['deflated_sharpe']}; {left_out}"
    )
    return Figure(f"{name}, choice", best["rank_ic"], "rank IC", note, 4)
