"""`afterbell signals`: what a person, a program and a spreadsheet get of the stored files."""

from __future__ import annotations

import json
from contextlib import nullcontext
from dataclasses import replace
from datetime import date

import pytest
import typer
from typer.testing import CliRunner

from afterbell.cli import signals as cli
from afterbell.scoring.export import describe_signals, to_csv, to_parquet
from afterbell.scoring.stored import export_key
from afterbell.stores.artifacts import ArtifactStore
from tests.scoring.test_export import CUT_OFF, METRICS, rows

pytestmark = pytest.mark.services
DAY, RELEASE = date(2016, 7, 5), "2016-06-30-0123456789ab"
CSV = to_csv(describe_signals(rows(), METRICS, CUT_OFF))


@pytest.fixture
def typed(services, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
        monkeypatch.setenv(name, services.env[name])
    store = ArtifactStore(replace(services.runtime.s3, artifact_bucket="signals-command"))
    store.ensure_bucket()
    store.put(export_key(DAY, RELEASE, "csv"), CSV)
    store.put(export_key(DAY, RELEASE, "parquet"), to_parquet(describe_signals(rows(), METRICS, CUT_OFF)))
    monkeypatch.setattr(cli, "_opened", lambda **_: nullcontext(store))
    app = typer.Typer()
    app.command()(cli.signals)
    return lambda *words: CliRunner().invoke(app, list(words))


def test_a_person_sees_the_best_of_the_universe_first_and_which_release_is_provisional(typed) -> None:
    lines = typed("--top", "2").stdout.splitlines()
    assert lines[0] == f"signals for session {DAY} by release {RELEASE} (provisional), data of 2016-07-01"
    assert [next(word for word in line.split() if word.startswith("S")) for line in lines if " S" in line] == [
        "S2",
        "S0",
    ]


def test_a_program_gets_every_row_and_a_spreadsheet_the_stored_file(typed) -> None:
    found = json.loads(typed("--session", "2016-07-05", "--json").stdout)
    assert [(row["symbol"], row["universe_rank"], row["known_until"][:16]) for row in found] == [
        ("S0", 0.5, "2016-07-01T22:00"), ("S1", None, "2016-07-01T22:00"), ("S2", 1.0, "2016-07-01T22:00"),
    ]  # fmt: skip
    assert typed("--csv").stdout_bytes == CSV
    assert [row["symbol"] for row in json.loads(typed("--top", "1", "--json").stdout)] == ["S2"]


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (("--session", "2016-07-04"), 2, "2016-07-04"),
        (("--session", "2016-07-06"), 2, "there are no signals for session 2016-07-06; the newest are for 2016-07-05"),
        (("--release", "x"), 2, "release 'x' made no signals"),
        (("--horizon", "5"), 2, "have none of horizon 5"),
        (("--csv", "--json"), 2, "--csv is the stored file, whole"),
    ],
    ids=["no session", "no signals", "no such release", "no such horizon", "two formats"],
)
def test_what_cannot_be_shown_is_answered_with_what_there_is(typed, words, status, says) -> None:
    answer = typed(*words)
    assert (answer.exit_code, says in answer.stderr.replace("\n", " ")) == (status, True), answer.stderr
