"""Which columns of a set's table a definition has."""

from afterbell.features.sets.core import CORE
from afterbell.training.collect import factor_columns

STORED = ("symbol", "session", "DROPPED", *reversed(CORE.names), "definition_hash", "input_snapshot")


def test_a_declared_definition_has_its_own_columns_in_its_own_order():
    assert factor_columns("core", CORE.definition_hash, STORED) == CORE.names


def test_a_definition_that_is_not_declared_any_more_has_all_columns_that_the_table_has():
    assert factor_columns("core", "0" * 32, STORED) == ("DROPPED", *reversed(CORE.names))
    assert factor_columns("gone", CORE.definition_hash, STORED) == ("DROPPED", *reversed(CORE.names))
