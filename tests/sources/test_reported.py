"""Sources of reported corporate actions: what their file must say, and what a wrong one answers."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from afterbell.sources.rules import rules_of
from tests.ingest.shapes import example

ABOUT = {"t": {"name": "symbol", "type": "string"}, "d": {"name": "ex_session", "type": "date"}}
VALUE = {name: {"name": name, "type": "double"} for name in ("factor", "ratio", "amount")}
KIND = {"k": {"name": "kind", "type": "string"}}


def columns(*names: str, **more: Any) -> dict[str, Any]:
    return ABOUT | {name: VALUE[name] for name in names} | more


def test_the_example_is_a_source_of_actions_under_the_rules_of_actions() -> None:
    found = example("vendor_actions")
    assert (found.kind, found.rank, found.kinds) == ("actions", 10, {"S": "split", "D": "dividend", "X": "dividend"})
    assert [rule.name for rule in rules_of(found).rules] == ["complete"]


@pytest.mark.parametrize(
    ("given", "kinds"),
    [
        (columns("ratio"), None),
        (columns("amount"), None),
        (columns("ratio", "amount"), None),
        (columns("factor"), "split"),
        (columns("factor", "amount"), "dividend"),
        (columns("factor", **KIND), {"1": "split"}),
    ],
)
def test_each_value_says_or_is_told_its_kind(given: dict[str, Any], kinds: Any) -> None:
    assert example("vendor_actions", columns=given, kinds=kinds).kinds == kinds


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"columns": columns(**KIND)}, "one or more to: factor, ratio, amount"),
        ({"columns": {"t": ABOUT["t"]} | VALUE}, "map one to each of: ex_session"),
        ({"columns": columns(**KIND, ratio={"name": "ratio", "type": "string"})}, "expected ratio: double"),
        ({"columns": columns("ratio", **KIND) | {"d": {"name": "ex_session", "type": "string"}}}, "ex_session: date"),
        ({"columns": columns("ratio", **KIND), "kinds": None}, "belong together"),
        ({"columns": columns("ratio")}, "belong together"),
        ({"columns": columns("factor"), "kinds": None}, "does not show whether shares change"),
        ({"columns": columns("ratio"), "kinds": "dividend"}, "contradicts the column ratio"),
        ({"columns": columns("amount"), "kinds": "split"}, "contradicts the column amount"),
        ({"kinds": {"S": "merger"}}, "split"),
        ({"rank": 1000}, "less than or equal to 100"),
    ],
)
def test_a_wrong_file_is_refused_with_what_to_write(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        example("vendor_actions", **changes)


SPLITS = {"s": {"name": "split_factor", "type": "double"}}


def test_cumulative_factors_are_of_payouts_and_of_splits() -> None:
    assert example("lean_factors").cumulative
    assert example("lean_factors", columns=columns("factor")).cumulative
    assert example("lean_factors", columns=columns(**SPLITS)).cumulative


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"columns": columns()}, "one or more to: factor, split_factor"),
        ({"columns": columns("factor", "amount")}, "leave out amount, kinds"),
        ({"columns": columns("factor", **KIND)}, "leave out kind, kinds"),
        ({"kinds": "dividend"}, "leave out kinds"),
        ({"cumulative": False, "kinds": "dividend"}, "add cumulative: true, or call the column ratio"),
        ({"columns": columns(s={"name": "split_factor", "type": "int"})}, "expected split_factor: double"),
    ],
)
def test_a_wrong_file_of_cumulative_factors_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        example("lean_factors", **changes)


def test_kinds_and_rank_belong_to_sources_that_say_something_of_actions() -> None:
    assert example("vendor_bars", rank=5).rank == 5
    for name, changes in (
        ("vendor_bars", {"kinds": "split"}),
        ("minutes", {"rank": 1}),
        ("minutes", {"cumulative": True}),
    ):
        with pytest.raises(ValidationError, match="belongs to a source of kind"):
            example(name, **changes)
