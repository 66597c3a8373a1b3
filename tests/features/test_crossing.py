"""Sessions whose rows look back across one without evidence of corporate actions, counted by hand."""

from __future__ import annotations

from datetime import date

from afterbell.calendar.sessions import Exchange
from afterbell.features.sets.core import CORE
from afterbell.features.status import crossing

EXCHANGE = Exchange("XNYS")
SESSIONS = set(EXCHANGE.between(date(2015, 5, 1), date(2015, 12, 31)))
UNSEEN = date(2015, 6, 10)


def test_every_row_of_the_look_back_is_flagged_and_none_before_or_after() -> None:
    found = crossing(CORE, EXCHANGE, SESSIONS, {UNSEEN})
    assert found == EXCHANGE.between(UNSEEN, date(2015, 12, 31))[: CORE.depth]


def test_one_before_the_first_session_reaches_into_it() -> None:
    before = EXCHANGE.before(date(2015, 5, 1), 3)[0]
    found = crossing(CORE, EXCHANGE, SESSIONS, {before})
    assert found == EXCHANGE.between(date(2015, 5, 1), date(2015, 12, 31))[: CORE.depth - 3]


def test_without_any_nothing_is_flagged() -> None:
    assert crossing(CORE, EXCHANGE, SESSIONS, set()) == []
    assert crossing(CORE, EXCHANGE, set(), {UNSEEN}) == []
