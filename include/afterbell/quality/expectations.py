"""The rules as Great Expectations expectations."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from afterbell.quality.row_rules import Between, Jump, Matches, NotNull, PairOrder, Rule, Stale, UniqueKey
from afterbell.quality.rules import RuleSet
from afterbell.quality.set_rules import SetRule

os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")  # read at import: it sends nothing from here

from great_expectations import expectations as gxe

DROP_ID = "drop_id"


def expectations_of(rule: Rule) -> list[Any]:
    """The expectations that say the same as ``rule``, each with the rule's name and severity in its ``meta``."""
    common = {"meta": {"rule": rule.name, "severity": rule.severity}}
    mostly = common | {"mostly": 1 - rule.budget}
    match rule:
        case NotNull():
            return [gxe.ExpectColumnValuesToNotBeNull(column=column, **mostly) for column in rule.columns]
        case Between():
            bounds = {"min_value": rule.min, "max_value": rule.max, "strict_min": rule.strict_min}
            return [gxe.ExpectColumnValuesToBeBetween(column=column, **bounds, **mostly) for column in rule.columns]
        case PairOrder():
            pair = {"column_A": rule.larger, "column_B": rule.smaller, "or_equal": True}
            missing = {"ignore_row_if": "either_value_is_missing"}
            return [gxe.ExpectColumnPairValuesAToBeGreaterThanB(**pair, **missing, **mostly)]
        case Matches():
            return [
                gxe.ExpectColumnValuesToMatchRegex(column=column, regex=rule.pattern, **mostly)
                for column in rule.columns
            ]
        case UniqueKey():
            return [gxe.ExpectCompoundColumnsToBeUnique(column_list=[*rule.columns, DROP_ID], **mostly)]
        case SetRule():
            return [
                gxe.ExpectColumnValuesToBeBetween(column=rule.kind, min_value=rule.min, max_value=rule.max, **common)
            ]
    raise TypeError(f"rule {rule.name!r}: no expectation is known for {type(rule).__name__}")


def row_expectations(rules: RuleSet, columns: Sequence[str]) -> list[Any]:
    """The expectations on rows; a key within a drop only where the table keeps what drops told, row by row."""
    found = []
    for rule in rules.rules:
        whole_key = not isinstance(rule, UniqueKey) or set(rule.columns) <= set(columns)
        if whole_key and not isinstance(rule, SetRule | Jump | Stale):
            found += expectations_of(rule)
    return found
