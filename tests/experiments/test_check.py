"""The form of an experiment against the calendar, the clock and the sessions that there are bars of."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from afterbell.calendar.sessions import Exchange
from afterbell.calendar.span import KEY, Span, parse_span, read_span, write_span
from afterbell.errors import ObjectMissingError, PermanentError
from afterbell.experiments.check import World, form_faults
from afterbell.training.spec import load_spec

FIELDS = {
    "name": "try", "first": "2024-01-02", "last": "2026-06-30", "horizons": [1, 5], "families": ["ridge"],
    "factor_sets": ["core"], "trials": 1, "cost_bps": 5.0, "seed": 7, "min_price": 2.0, "min_dollar_volume": 0.0,
    "note": None, "promote": False, "profile": None,
}  # fmt: skip
SPAN = Span(first=date(2024, 1, 2), last=date(2026, 6, 30))


def _faults(span=SPAN, now=datetime(2026, 7, 1, 12, tzinfo=UTC), **more):
    return form_faults(FIELDS | more, World(Exchange(), load_spec(), now, span))


def test_a_form_within_the_data_has_no_fault():
    assert _faults() == {}


@pytest.mark.parametrize(
    ("more", "field", "says"),
    [
        ({"last": "2026-07-01"}, "last", "2026-07-01 is not over yet: the last session that has closed is 2026-06-30"),
        ({"last": "2027-01-04"}, "last", "2027-01-04 is not over yet"),
        ({"first": "2023-12-29"}, "first", "2023-12-29 lies before the data: the first session there is is 2024-01-02"),
        ({"first": "1999-01-04"}, "first", "lies outside the XNYS calendar"),
        ({"last": "2026-06-27"}, "last", r"2026-06-27 (Saturday) is not a session of XNYS"),
        ({"last": "2025-12-25"}, "last", r"2025-12-25 (Thursday) is not a session of XNYS"),
        ({"first": "2026-07-04", "last": "2026-06-30"}, "first", "must lie before last"),
        ({"first": "2026-06-01"}, "first", "2026-06-01 to 2026-06-30 are 21 sessions; horizon 1 needs at least 106"),
        ({"factor_sets": ["mine"]}, "factor_sets", "'mine' is not one of alpha158"),
        ({"families": ["forest"]}, "families", "'forest' is not one of elastic_net, lightgbm, ridge"),
        ({"profile": "moon"}, "profile", "clusters 'moon' is not known"),
        ({"note": "two\nlines"}, "note", "expected one line of 400 characters"),
        ({"trials": 5001}, "trials", "expected a whole number from 1 to 5000; found 5001"),
    ],
)
def test_a_fault_is_told_of_its_field(more, field, says):
    found = _faults(**more)
    assert list(found) == [field]
    assert says in found[field]
    assert "\n" not in found[field]


def test_a_session_without_bars_is_refused_though_it_is_over():
    found = _faults(now=datetime(2026, 7, 8, 12, tzinfo=UTC), last="2026-07-06")
    assert found == {
        "last": "there are no bars of 2026-07-06: the last session there is is 2026-06-30; give it or an earlier one"
    }


def test_folds_are_counted_by_the_sessions_there_are():
    short = Span(first=date(2026, 3, 2), last=date(2026, 6, 30))
    assert "lies before the data" in _faults(short)["first"]
    assert "are 84 sessions; horizon 1 needs at least 106" in _faults(short, first="2026-03-02")["first"]


def test_without_word_of_the_data_the_calendar_alone_counts():
    assert _faults(None, first="2010-01-04") == {}
    assert list(_faults(None, last="2026-07-02")) == ["last"]


def test_the_days_are_looked_at_though_other_fields_are_wrong():
    assert list(_faults(name="A", last="2026-07-02")) == ["last", "name"]
    assert list(_faults(name="A", first="2023-12-29", last="soon")) == ["first", "name", "last"]
    assert list(_faults(name="A", horizons=[5, 1], families=["ridge", "ridge"], first="2026-07-01")) == [
        "first", "name", "horizons", "families",
    ]  # fmt: skip
    assert list(_faults(factor_sets=["mine"], first="2026-06-01")) == ["factor_sets", "first"]


def test_all_faults_are_told_at_once():
    assert list(_faults(name="A", trials=0, note="a\nb", profile="../x")) == ["name", "trials", "note", "profile"]


class _Store(dict):
    def get(self, key):
        try:
            return self[key]
        except KeyError as error:
            raise ObjectMissingError(key) from error

    def put(self, key, body):
        self[key] = body


def test_the_span_survives_the_store_and_its_absence_is_no_fault():
    store = _Store()
    assert read_span(store) is None
    write_span(store, SPAN)
    assert read_span(store) == SPAN


@pytest.mark.parametrize("body", [b"", b"[]", b'{"first": 1}', b'{"first": "2024-01-02", "last": "soon"}', b"\xff"])
def test_what_is_no_span_is_named(body):
    with pytest.raises(PermanentError, match=KEY):
        parse_span(body)
