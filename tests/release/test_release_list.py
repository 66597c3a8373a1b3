"""`afterbell release list`: one release that cannot be used does not hide the others."""

from __future__ import annotations

import json
from contextlib import nullcontext
from datetime import date

import pytest
from typer.testing import CliRunner

from afterbell.cli import release as cli
from afterbell.release.publish import Judged, publish
from afterbell.run.contracts.models import HorizonMetrics
from tests.release.conftest import add_candidate

pytestmark = pytest.mark.services
IDS = ("00aa00aa00aa00aa", "11bb11bb11bb11bb", "22cc22cc22cc22cc")
DAYS = (date(2016, 6, 28), date(2016, 6, 29), date(2016, 6, 30))
A, B, C = (f"{day}-{one[:12]}" for day, one in zip(DAYS, IDS, strict=True))


@pytest.fixture
def listed(store, monkeypatch):
    against = None
    for one, day in zip(IDS, DAYS, strict=True):
        add_candidate(store, one)
        publish(store, Judged(one, against, {"h1": HorizonMetrics(ic=0.05)}, "better"), day, "run")
        against = one
    store.put(f"releases/{B}/manifest.json", store.get(f"releases/{A}/manifest.json"))
    monkeypatch.setattr(cli, "_releases", lambda **_: nullcontext(store))
    return lambda *words: CliRunner().invoke(cli.app, ["list", *words])


def test_a_program_reads_which_release_is_unusable_and_why(listed):
    answer = listed("--json")
    assert answer.exit_code == 0, answer.output
    rows = {row["release_id"]: row for row in json.loads(answer.stdout)}
    assert [(name, row.get("ic_h1"), row["champion"]) for name, row in rows.items()] == [
        (A, 0.05, False), (B, None, False), (C, 0.05, True),
    ]  # fmt: skip
    assert rows[B]["unusable"].startswith(f"releases/{B}/manifest.json: expected the manifest of release {B}")


def test_a_person_sees_the_table_and_the_reason_beside_it(listed):
    answer = listed()
    assert answer.exit_code == 0, answer.output
    assert "see above" in next(line for line in answer.stdout.splitlines() if B in line)
    assert f"found that of {A}" in answer.stderr
