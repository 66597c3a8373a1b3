"""The file of a person's decisions about corporate actions: what it may say, and what a wrong one answers."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from afterbell.config.loader import config_folder
from afterbell.errors import ConfigError
from afterbell.ingest.actions.overrides import Adjustment, Decision, load_overrides

ENTRY = {
    "symbol": "'WIN'",
    "ex_session": "2015-04-27",
    "decided": "2015-04-28T09:00:00-04:00",
    "by": "A. Analyst",
    "reason": "'spin-off and reverse split, 8-K'",
    "action": "{factor: 4.2, kind: split}",
}


def entry(**changes: str) -> str:
    lines = [f"{name}: {value}" for name, value in (ENTRY | changes).items() if value]
    return "- " + "\n  ".join(lines)


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AFTERBELL_CONFIG", str(tmp_path))
    return tmp_path / "overrides.yaml"


def load(written: Path, *entries: str) -> tuple[Decision, ...]:
    written.write_text("\n".join(["overrides:", *entries, ""]), encoding="utf-8")
    return load_overrides({"XNYS"})


def test_the_file_that_comes_with_the_project_decides_nothing() -> None:
    assert (config_folder() / "overrides.yaml").is_file()
    assert load_overrides({"XNYS"}) == ()


def test_without_the_file_nothing_is_decided(written: Path) -> None:
    assert load_overrides({"XNYS"}) == ()


def test_an_entry_is_read_with_its_instant_in_utc(written: Path) -> None:
    (found,) = load(written, entry())
    assert (found.symbol, found.ex_session, found.by) == ("WIN", date(2015, 4, 27), "A. Analyst")
    assert found.decided == datetime(2015, 4, 28, 13, 0, tzinfo=UTC)
    assert found.action == Adjustment(factor=4.2, kind="split")


@pytest.mark.parametrize("word", ["none", "vendor"])
def test_an_entry_may_say_that_nothing_happened_or_that_the_evidence_counts_again(written: Path, word: str) -> None:
    assert load(written, entry(action=word))[0].action == word


def test_entries_are_in_the_order_of_their_instants(written: Path) -> None:
    later = entry(decided="2015-05-04T00:00:00Z", action="none")
    assert [each.action for each in load(written, later, entry())] == [Adjustment(factor=4.2, kind="split"), "none"]


def test_the_id_of_a_decision_hangs_on_what_it_says_and_on_nothing_else(written: Path) -> None:
    (found,) = load(written, entry())
    same = load(written, entry(decided="2015-04-28T13:00:00Z", symbol="WIN"))[0]
    assert same.drop_id == found.drop_id
    assert found.drop_id.startswith("overrides:")
    assert len(found.drop_id) == len("overrides:") + 16
    changes = {"reason": "another", "by": "B", "action": "{factor: 4.3, kind: split}", "ex_session": "2015-04-28"}
    others = {load(written, entry(**{name: value}))[0].drop_id for name, value in changes.items()}
    assert len(others - {found.drop_id}) == len(changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"symbol": "ON"}, r"overrides\.0\.symbol: .*write the symbol in quotes"),
        ({"symbol": "7203"}, r"overrides\.0\.symbol: .*write the symbol in quotes"),
        ({"symbol": "'A B'"}, r"overrides\.0\.symbol"),
        ({"symbol": ""}, r"overrides\.0\.symbol: Field required"),
        ({"ex_session": "2015-04-26"}, r"overrides\.0\.ex_session: 2015-04-26 \(Sunday\) is not a session"),
        ({"ex_session": "1985-04-26"}, r"overrides\.0\.ex_session: .*outside the XNYS calendar"),
        ({"ex_session": "soon"}, r"overrides\.0\.ex_session"),
        ({"decided": "2015-04-28"}, r"overrides\.0\.decided: .*instant with its zone"),
        ({"decided": "2015-04-28T09:00:00"}, r"overrides\.0\.decided: .*instant with its zone"),
        ({"decided": "1430226000"}, r"overrides\.0\.decided: .*instant with its zone"),
        ({"reason": "''"}, r"overrides\.0\.reason"),
        ({"reason": '"a\\tb"'}, r"overrides\.0\.reason"),
        ({"by": ""}, r"overrides\.0\.by: Field required"),
        ({"action": "ignore"}, r"overrides\.0\.action: .*none, vendor, or a factor"),
        ({"action": "null"}, r"overrides\.0\.action: .*none, vendor, or a factor"),
        ({"action": "0.5"}, r"overrides\.0\.action: .*none, vendor, or a factor"),
        ({"action": "{factor: 0.5}"}, r"overrides\.0\.action: .*kind: Field required"),
        ({"action": "{factor: -0.5, kind: split}"}, r"overrides\.0\.action: .*factor: "),
        ({"action": "{factor: 0, kind: split}"}, r"overrides\.0\.action: .*factor: "),
        ({"action": "{factor: .nan, kind: split}"}, r"overrides\.0\.action: .*factor: "),
        ({"action": "{factor: 1, kind: split}"}, "write action: none"),
        ({"action": "{factor: 1.02, kind: dividend}"}, "above 1 write kind: split"),
        ({"action": "{factor: 0.5, kind: merger}"}, "kind: Input should be 'split' or 'dividend'"),
        ({"note": "x"}, r"overrides\.0\.note: Extra inputs"),
    ],
)
def test_a_wrong_entry_is_refused_with_the_file_and_the_key(
    written: Path, changes: dict[str, str], message: str
) -> None:
    with pytest.raises(ConfigError, match=message) as refused:
        load(written, entry(**changes))
    assert str(written) in str(refused.value)


def test_two_entries_of_one_instant_are_refused(written: Path) -> None:
    with pytest.raises(ConfigError, match=r"two decisions about WIN 2015-04-27 of one instant, 2015-04-28T13:00:00"):
        load(written, entry(), entry(action="none", decided="2015-04-28T13:00:00Z"))


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "[]\n", "overrides:\n", "overrides: []\n"])
def test_a_file_that_decides_nothing_may_be_empty(written: Path, text: str) -> None:
    written.write_text(text, encoding="utf-8")
    assert load_overrides({"XNYS"}) == ()


def test_a_list_alone_is_read_as_the_decisions(written: Path) -> None:
    written.write_text(entry() + "\n", encoding="utf-8")
    assert [each.symbol for each in load_overrides({"XNYS"})] == ["WIN"]


@pytest.mark.parametrize(
    "text", ["WIN\n", "overrides: WIN\n", "overrides: {symbol: WIN}\n", "decisions: []\n", "- WIN\n"]
)
def test_a_file_of_another_shape_is_refused_with_its_name(written: Path, text: str) -> None:
    written.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"overrides\.yaml"):
        load_overrides({"XNYS"})


def test_an_empty_list_may_be_left_out(written: Path) -> None:
    assert load(written) == ()
