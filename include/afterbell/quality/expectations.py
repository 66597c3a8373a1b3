"""The rules as Great Expectations expectations."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from afterbell.errors import ValidationFailedError
from afterbell.quality.library import library
from afterbell.sources.row_rules import (
    MOVE,
    RUN,
    Between,
    Jump,
    Matches,
    NotNull,
    PairOrder,
    RowRule,
    Rule,
    Stale,
    UniqueKey,
)
from afterbell.sources.rules import RuleSet
from afterbell.sources.set_rules import SetRule

DROP_ID = "drop_id"


def expectations_of(rule: Rule) -> list[Any]:
    """The expectations that are equivalent to ``rule``, each with the rule's name and severity in its ``meta``.

    Raises:
        ValidationFailedError: no expectation is known for a rule of this kind: nothing passes unseen.
    """
    made = next((make for kind, make in _MAKERS.items() if isinstance(rule, kind)), None)
    if made is None:
        raise ValidationFailedError(f"rule {rule.name!r}: no expectation is known for {type(rule).__name__}")
    gxe = library().expectations
    return [getattr(gxe, name)(**{"meta": _meta(rule), **arguments}) for name, arguments in made(rule)]


def row_expectations(rules: RuleSet, columns: Sequence[str], symbol_pattern: str = "") -> list[Any]:
    """The expectations on rows; a key within a drop only where the table keeps the rows of drops as delivered.

    Args:
        rules: the rule set.
        columns: of the table.
        symbol_pattern: the allow-list for symbols of the rows' source; empty for no expectation of it.
    """
    expectations = []
    if symbol_pattern:
        meta = {"rule": "symbol_pattern", "severity": "quarantine"}
        allowed = {"column": "symbol", "regex": f"^(?:{symbol_pattern})$", "meta": meta}
        expectations.append(library().expectations.ExpectColumnValuesToMatchRegex(**allowed))
    for rule in rules.rules:
        whole_key = isinstance(rule, UniqueKey) and set(rule.columns) <= set(columns)
        if whole_key or (isinstance(rule, RowRule) and not isinstance(rule, Jump)):
            expectations += expectations_of(rule)
    return expectations


def symbol_expectations(rules: RuleSet) -> list[Any]:
    """The expectations on each symbol's farthest move and longest run (``afterbell.quality.sequence.by_symbol``)."""
    known = [rule for rule in (rules.jump(), rules.stale()) if rule is not None]
    return [expectation for rule in known for expectation in expectations_of(rule)]


_Made = list[tuple[str, Mapping[str, object]]]
_BETWEEN = "ExpectColumnValuesToBeBetween"


def _meta(rule: Rule, severity: str = "") -> dict[str, str]:
    return {"rule": rule.name, "severity": severity or rule.severity}


def _mostly(rule: Rule) -> dict[str, float]:
    return {"mostly": 1 - rule.budget}


def _not_null(rule: NotNull) -> _Made:
    return [("ExpectColumnValuesToNotBeNull", {"column": column, **_mostly(rule)}) for column in rule.columns]


def _between(rule: Between) -> _Made:
    bounds = {"min_value": rule.min, "max_value": rule.max, "strict_min": rule.strict_min}
    return [(_BETWEEN, {"column": column, **bounds, **_mostly(rule)}) for column in rule.columns]


def _pair_order(rule: PairOrder) -> _Made:
    pair = {"column_A": rule.larger, "column_B": rule.smaller, "or_equal": True}
    missing = {"ignore_row_if": "either_value_is_missing"}
    return [("ExpectColumnPairValuesAToBeGreaterThanB", {**pair, **missing, **_mostly(rule)})]


def _matches(rule: Matches) -> _Made:
    name, pattern = "ExpectColumnValuesToMatchRegex", rule.pattern
    return [(name, {"column": column, "regex": pattern, **_mostly(rule)}) for column in rule.columns]


def _jump(rule: Jump) -> _Made:
    low, high = rule.bounds
    return [(_BETWEEN, {"column": MOVE, "min_value": low, "max_value": high, **_mostly(rule)})]


def _stale(rule: Stale) -> _Made:
    limit = {"column": RUN, "max_value": rule.limit - 1, **_mostly(rule)}
    warn = {"column": RUN, "max_value": rule.warn_sessions - 1, "meta": _meta(rule, "warn")}
    return [(_BETWEEN, limit), (_BETWEEN, warn)]


def _unique_key(rule: UniqueKey) -> _Made:
    return [("ExpectCompoundColumnsToBeUnique", {"column_list": [*rule.columns, DROP_ID], **_mostly(rule)})]


def _set_rule(rule: SetRule) -> _Made:
    return [(_BETWEEN, {"column": rule.name, "min_value": rule.min, "max_value": rule.max})]


_MAKERS: dict[type[Rule], Callable[[Any], _Made]] = {
    NotNull: _not_null,
    Between: _between,
    PairOrder: _pair_order,
    Matches: _matches,
    Jump: _jump,
    Stale: _stale,
    UniqueKey: _unique_key,
    SetRule: _set_rule,
}
