"""``experiment run|list|show``: an analyst's experiment from the shell, in one process."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
from pydantic import JsonValue

from afterbell.cli.context import Opened, stores
from afterbell.cli.options import AsJson, Profile
from afterbell.cli.output import advising, by_figure, print_json, print_rows, print_text, report_errors
from afterbell.config.loader import load_yaml
from afterbell.config.platform import load_platform
from afterbell.errors import ConfigError, ObjectMissingError
from afterbell.run.contracts.base import Figure, Record

_NAME_ONE = "Name an experiment that has been judged: `./afterbell experiment list`."
app = typer.Typer(help="Experiments: models with other settings, compared with the champion without changing it.")


@app.command()
@report_errors
def run(
    file: Annotated[Path, typer.Argument(help="A YAML file of the form's fields; see docs/experiments.md.")],
    note: Annotated[str, typer.Option(help="Purpose; stored with a promotion.")] = "",
    promote: Annotated[bool, typer.Option("--promote", help="Make it champion, if it passes the gate.")] = False,
    profile: Profile = None,
    as_json: AsJson = False,
) -> None:
    """Run the DAG `experiment` to its end; --promote replaces the approval on the page."""
    from afterbell.cli.airflow_run import run_dag  # noqa: PLC0415
    from afterbell.cluster.profile import load_profile  # noqa: PLC0415
    from afterbell.experiments.request import ExperimentRequest  # noqa: PLC0415

    request, cluster = load_yaml(file, ExperimentRequest), profile or load_platform().cluster
    load_profile(cluster)
    conf = request.model_dump(mode="json") | {"note": note or None, "promote": promote}
    with stores("s3", "hdfs", quiet=as_json) as opened:
        answer = "Approve" if promote else "Reject"
        done = run_dag(opened, "experiment", conf, cluster, None if as_json else print_text, answer=answer)
        document = _read_experiment(opened, request.id)
        document |= {"run_id": done.run_id, "log": str(done.log), "step_seconds": {**done.seconds}}
    print_json(document) if as_json else _print_experiment(document)


@app.command("list")
@report_errors
def list_(as_json: AsJson = False) -> None:
    """List the experiments that were judged."""
    from afterbell.stores.artifacts import ArtifactStore  # noqa: PLC0415

    with stores("s3", quiet=as_json) as opened:
        keys = [stored.key.split("/") for stored in ArtifactStore(opened.runtime.s3).list("experiments/")]
        ids = sorted(parts[1] for parts in keys if parts[2:] == ["metrics.json"])
        experiments = [JudgedExperiment.read(_read_experiment(opened, name)) for name in ids]
    rows = [
        {
            "experiment": experiment.experiment,
            "name": experiment.request["name"],
            "last": experiment.request["last"],
            "trials": experiment.trials,
            "verdict": experiment.verdict,
            **{f"rank_ic_{key}": values["rank_ic"] for key, values in experiment.metrics.items()},
        }
        for experiment in experiments
    ]
    print_json(rows) if as_json else print_rows(rows, title="experiments")


@app.command()
@report_errors
def show(
    experiment: Annotated[str, typer.Argument(help="An id of `experiment list`.")], as_json: AsJson = False
) -> None:
    """Show the request, the figures and the verdict of an experiment."""
    from afterbell.experiments.request import root_of  # noqa: PLC0415

    with advising(_NAME_ONE, ConfigError):
        root_of(experiment)  # before anything is started
    with stores("s3", quiet=as_json) as opened, advising(_NAME_ONE, ObjectMissingError):
        document = _read_experiment(opened, experiment)
    print_json(document) if as_json else _print_experiment(document)


class JudgedExperiment(Record):
    """``metrics.json`` of an experiment with its request and the address of its report, as far as people read it."""

    experiment: str
    request: Mapping[str, JsonValue]
    trials: int
    verdict: str
    reason: str
    metrics: Mapping[str, Mapping[str, JsonValue]]
    deflated_sharpe: Mapping[str, Figure | None]
    report: str


def _read_experiment(opened: Opened, experiment: str) -> dict[str, JsonValue]:
    from afterbell.experiments.request import root_of  # noqa: PLC0415
    from afterbell.stores.artifacts import ArtifactStore  # noqa: PLC0415

    store, root = ArtifactStore(opened.runtime.s3), root_of(experiment)
    metrics: dict[str, JsonValue] = json.loads(store.get(f"{root}metrics.json"))
    request = json.loads(store.get(f"{root}request.json"))
    return metrics | {"request": request, "report": f"s3://{store.bucket}/{root}report.html"}


def _print_experiment(document: Mapping[str, JsonValue]) -> None:
    judged = JudgedExperiment.read(document)
    title = f"{judged.experiment} ({judged.request['name']}), {judged.trials} trials a family"
    print_text(("experiment", "bold"), f" {title}")
    print_text(f"verdict: {judged.verdict}: {judged.reason}")
    figures = {
        key: {**values, "deflated_sharpe": judged.deflated_sharpe.get(key)} for key, values in judged.metrics.items()
    }
    print_rows(by_figure(figures), title="out of sample")
    print_text(f"report: {judged.report}")
