"""The step `experiment_resolve`: the snapshots that an experiment reads, looked up once and handed on.

``python -m afterbell.experiments.resolve`` with the arguments of every step. Inputs: experiment, request. Reads the
catalog without Spark, and writes ``experiments/<id>/request.json``.
"""

from __future__ import annotations

import json
import sys

from afterbell.calendar.span import write_span
from afterbell.config.runtime import Runtime
from afterbell.errors import ConfigError, PreconditionFailedError, StaleInputError, UnknownOutcomeError
from afterbell.experiments.request import ExperimentRequest, parse_request, root_of
from afterbell.lake.reader import heads
from afterbell.lake.span import bars_span
from afterbell.lake.tables import BARS, CORPORATE_ACTIONS, FUNDAMENTALS, OUT_OF_SAMPLE
from afterbell.release.catalog import read_champion
from afterbell.run.contracts.experiments import ExperimentInputs, ExperimentResolveResult
from afterbell.run.job import StepArgs, run_step
from afterbell.run.steps import EXPERIMENT_RESOLVE
from afterbell.stores.artifacts import ArtifactStore

_EMPTY = f"{BARS.name} or {CORPORATE_ACTIONS.name} holds nothing yet: ingest something first, ./afterbell run"


def asked(inputs: ExperimentInputs) -> tuple[str, ExperimentRequest]:
    """The experiment's id and its request.

    Raises:
        ConfigError: the request is wrong, or not the one that the id was made of.
    """
    request, experiment = parse_request(inputs.request), inputs.experiment
    if request.id != experiment:
        raise ConfigError(f"experiment {experiment!r} is not that of its request ({request.id}): start it anew")
    return experiment, request


def require_data(request: ExperimentRequest, runtime: Runtime, store: ArtifactStore) -> None:
    """Refuse days that there are no bars of; the range of the data is stored for the next form.

    Raises:
        ConfigError: the first day lies before the data, or the last session after them.
        StaleInputError: there are no bars at all.
    """
    try:
        span = bars_span(runtime)
    except ConfigError as error:
        raise StaleInputError(_EMPTY) from error
    if span is None:
        return  # an old file has no statistics of its sessions: the steps find out
    write_span(store, span)
    if request.first < span.first or request.last > span.last:
        raise ConfigError(
            f"the experiment was not started: there are bars from {span.first} to {span.last}, and it asks for "
            f"{request.first} to {request.last}: give days within the data"
        )


def main(args: StepArgs[ExperimentInputs]) -> ExperimentResolveResult:
    """Look up the snapshots, and store the request."""
    runtime = Runtime.from_env()
    store = ArtifactStore(runtime.s3)
    experiment, request = asked(args.inputs)
    require_data(request, runtime, store)
    names = (BARS.name, CORPORATE_ACTIONS.name, FUNDAMENTALS.name, OUT_OF_SAMPLE.name)
    bars, actions, filings, oos = heads(runtime, names)
    if bars is None or actions is None:
        raise StaleInputError(_EMPTY)
    champion, _ = read_champion(store)
    key = f"{root_of(experiment)}request.json"
    body = json.dumps(request.model_dump(mode="json"), sort_keys=True, indent=2).encode() + b"\n"
    try:
        store.put_if_absent(key, body)
    except (PreconditionFailedError, UnknownOutcomeError):
        if not store.exists(key):
            raise
    return ExperimentResolveResult(
        bars_snapshot=bars,
        actions_snapshot=actions,
        filings_snapshot=filings,
        champion_oos_snapshot=oos,
        champion=champion.release_id if champion else None,
        factor_sets=request.factor_sets,
    )


if __name__ == "__main__":
    sys.exit(run_step(EXPERIMENT_RESOLVE, main))
