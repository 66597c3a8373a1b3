"""Every rule as an expectation, on a row that keeps it and one that breaks it; and the audit fails closed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import polars as pl
import pytest

from afterbell.errors import ValidationFailedError
from afterbell.quality.audit import Report, Subject, facts_subject, judge, run_audit
from afterbell.quality.audit_branch import Expected, divide
from afterbell.quality.expectations import expectations_of, row_expectations, symbol_expectations
from afterbell.sources.row_rules import Rule
from tests.quality.cases import JUMP, JUMPS, ROW_RULES, SET_RULES, STALE, Row, frame, rule_set

# Of Great Expectations' own making, when it is imported.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

ONCE: Row = {"name": "once", "kind": "unique_key", "columns": ["symbol"]}
ALL_RULES = [*(rule for rule, _ in ROW_RULES), ONCE]
GOOD: Row = {}


def subject(*changes: Row, severity: str = "quarantine", rules: list[Row] | None = None, budget: float = 0) -> Subject:
    checked = rule_set(*(rules or ALL_RULES), severity=severity, budget=budget)
    return Subject("market.bars", frame(*changes), row_expectations(checked, ("symbol",)))


def by_symbol(severity: str = "quarantine", **values: object) -> Subject:
    rules = rule_set(JUMP, STALE, severity=severity)
    return Subject("market.bars.by_symbol", frame(GOOD, {"symbol": "IF"} | values), symbol_expectations(rules))


def allowed(*symbols: str | None, pattern: str) -> Subject:
    """Rows of a source with an allow-list of symbols, under a rule set without any."""
    checks = row_expectations(rule_set(STALE), ("symbol",), pattern)
    return Subject("market.bars", frame(*({"symbol": symbol} for symbol in symbols)), checks)


BAD = [GOOD, GOOD, *(bad for _, bad in ROW_RULES)]
MOVED = {"close": 50.01, "previous_close": 10.0, "move": 5.001}


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Report]:
    """Several audits, each in a folder of its own."""
    facts = rule_set(*(rule for rule, _, _ in SET_RULES), severity="fail").set_rules()
    subjects = {
        "good": [subject(GOOD), by_symbol()],
        "bad": [subject(*BAD)],
        "warned": [subject(*BAD, severity="warn")],
        "jump": [by_symbol(**MOVED)],
        "run of 2": [by_symbol(run=2)],
        "run of 3": [by_symbol(run=3)],
        "run of 5": [by_symbol(run=5)],
        "allowed": [allowed("AAPL", "7203", None, pattern=r"[A-Z]{1,5}|\d{4}")],
        "other symbols": [allowed("AAPL", "a/b", "AAPL7203", pattern=r"[A-Z]{1,5}|\d{4}")],
        "good facts": [facts_subject("prices", {rule: SET_RULES[n][1] for n, rule in enumerate(facts)})],
        "bad facts": [facts_subject("prices", {rule: SET_RULES[n][2] for n, rule in enumerate(facts)})],
    }
    return {name: run_audit(tmp_path_factory.mktemp("audit"), mine) for name, mine in subjects.items()}


def failing(report: Report, name: str) -> list[str]:
    return [line for line in report.failed if line.startswith(f"rule {name} on ")]


def test_good_rows_pass_the_audit_and_leave_data_docs(audited: dict[str, Report]) -> None:
    good = audited["good"]
    # complete: 3 columns; ceiling: 2; positive, in_range, ordered, allowed, once: 1 each; jump 1; stale 2
    assert (good.expectations, good.failed, good.warnings) == (13, [], [])
    assert Path(good.data_docs.removeprefix("file://")).is_file()


@pytest.mark.parametrize("name", [rule["name"] for rule in ALL_RULES])
def test_a_bad_row_fails_the_audit_by_the_name_of_its_rule(audited: dict[str, Report], name: str) -> None:
    assert failing(audited["bad"], name)


def test_a_failure_says_how_many_rows_and_which_values(audited: dict[str, Report]) -> None:
    (line,) = failing(audited["bad"], "in_range")
    assert "on market.bars: expected expect_column_values_to_be_between" in line
    assert "found 1 of 8 rows that break it, such as ['-1']" in line


def test_what_only_warns_does_not_fail(audited: dict[str, Report]) -> None:
    assert audited["warned"].failed == []
    assert len(audited["warned"].warnings) == len(audited["bad"].failed)


def test_a_jump_that_nothing_explains_fails_the_audit(audited: dict[str, Report]) -> None:
    (line,) = audited["jump"].failed
    assert "rule jump on market.bars.by_symbol" in line
    assert "such as ['5.001']" in line


@pytest.mark.parametrize(("values", "believed"), [case[1:] for case in JUMPS], ids=[case[0] for case in JUMPS])
def test_the_move_that_is_audited_means_what_the_condition_means(values: Row, believed: bool) -> None:
    jump = rule_set(JUMP).jump()
    assert jump is not None
    (move,) = frame(values).select(pl.sql_expr(jump.move()).alias("move"))["move"]
    low, high = jump.bounds
    assert (move is None or low <= move <= high) is believed


@pytest.mark.parametrize(("run", "failed", "warned"), [(2, 0, 0), (3, 0, 1), (5, 1, 1)])
def test_a_run_is_warned_of_and_then_fails(audited: dict[str, Report], run: int, failed: int, warned: int) -> None:
    report = audited[f"run of {run}"]
    assert (len(failing(report, "stale")), len(report.warnings)) == (failed, warned)


@pytest.mark.parametrize("name", [rule["name"] for rule, _, _ in SET_RULES])
def test_a_rule_on_the_session_as_a_whole_passes_and_fails(audited: dict[str, Report], name: str) -> None:
    assert audited["good facts"].failed == []
    (line,) = failing(audited["bad facts"], name)
    assert f"rule {name} on session_facts.prices: expected " in line


@pytest.mark.parametrize(("idle", "passes"), [(1, True), (2, False)])
def test_a_budget_lets_its_share_of_rows_break_the_rule(idle: int, passes: bool, tmp_path: Path) -> None:
    traded = {"name": "traded", "kind": "between", "columns": ["volume"], "min": 0, "strict_min": True}
    rows = [*[{"volume": 0}] * idle, *[GOOD] * (4 - idle)]
    report = run_audit(tmp_path, [subject(*rows, severity="fail", rules=[traded], budget=0.25)])
    assert (not report.failed) is passes


def test_the_audit_of_a_run_can_be_made_again(tmp_path: Path) -> None:
    assert run_audit(tmp_path, [subject(*BAD)]).failed
    assert run_audit(tmp_path, [subject(GOOD)]).failed == []


CLOSED: dict[str, tuple[Callable[[Path], object], str]] = {
    "nothing to judge": (lambda home: run_audit(home, []), "expected new rows to audit, found none on the branch"),
    "no rows": (lambda home: run_audit(home, [subject()]), "expected rows and rules to check, found none"),
    "no rules": (
        lambda home: run_audit(home, [Subject("t", frame(GOOD), [])]),
        "audit of t: expected rows and rules to check, found none",
    ),
    "no column": (
        lambda home: run_audit(home, [Subject("t", frame(GOOD).drop("low"), subject().expectations)]),
        "could not be evaluated",
    ),
    "an exception": (
        lambda home: run_audit(home, [Subject("t", frame(GOOD).with_columns(low=pl.lit("x")), subject().expectations)]),
        "could not be evaluated",
    ),
    "broken rule": (
        lambda home: run_audit(home, [subject(GOOD, GOOD)]).require_passed(),
        "1 of 10 expectations failed; main did not move",
    ),
}


@pytest.mark.parametrize("case", CLOSED)
def test_the_audit_fails_closed(case: str, tmp_path: Path) -> None:
    act, message = CLOSED[case]
    with pytest.raises(ValidationFailedError, match=message):
        act(tmp_path)


def result(**exception: object) -> SimpleNamespace:
    config = SimpleNamespace(type="expect_nothing", kwargs={}, meta={"rule": "r", "severity": "fail"})
    return SimpleNamespace(success=True, expectation_config=config, exception_info=exception, result={})


@pytest.mark.parametrize(
    ("results", "message"),
    [
        ([result()], "expected 2 results, found 1"),
        ([result(), result(raised_exception=True)], "could not be evaluated"),
        ([result(), result(metric={"raised_exception": True})], "could not be evaluated"),
    ],
)
def test_missing_results_and_exceptions_in_them_are_no_pass(results: list[SimpleNamespace], message: str) -> None:
    expected = expectations_of(rule_set(ONCE).rules[0]) * 2
    with pytest.raises(ValidationFailedError, match=message):
        judge(Subject("t", frame(GOOD), expected), SimpleNamespace(results=results), Report())


def test_a_rule_that_no_expectation_is_known_for_is_no_pass() -> None:
    class Sometimes(Rule):
        pass

    with pytest.raises(ValidationFailedError, match="rule 'odd': no expectation is known for Sometimes"):
        expectations_of(Sometimes(name="odd", severity="fail"))


def test_the_allow_list_of_a_source_is_audited_and_no_other_one(audited: dict[str, Report]) -> None:
    assert not audited["allowed"].failed
    (line,) = failing(audited["other symbols"], "symbol_pattern")
    assert "2 of 3" in line, line


def test_sources_under_one_rule_set_are_each_audited_by_their_own_allow_list() -> None:
    rules = rule_set(STALE)
    rows = frame({"symbol": "AAPL", "drop_id": "new_york:1:a"}, {"symbol": "7203", "drop_id": "tokyo:1:b"})
    sets = [Expected(rules, "[A-Z]+", ["new_york"]), Expected(rules, "[0-9]{4}", ["tokyo"])]
    subjects = divide("market.bars", rows, 2, sets)
    assert [(subject.name, subject.rows()) for subject in subjects] == [
        (f"market.bars.{rules.name}.new_york", 1), (f"market.bars.{rules.name}.tokyo", 1),
    ]  # fmt: skip
    assert [subject.expectations[0].regex for subject in subjects] == ["^(?:[A-Z]+)$", "^(?:[0-9]{4})$"]
