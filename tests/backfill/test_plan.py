"""A plan, worked out by hand: five sessions, drops of three of them new."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from afterbell.backfill.documents import BackfillPlan
from afterbell.backfill.plan import Inventory, NewDrop, StoredSet, make_plan
from afterbell.backfill.request import BackfillRequest, chunks_of
from afterbell.calendar.sessions import Exchange

DAYS = [date(2016, 6, day) for day in (20, 21, 22, 23, 24)]
LATER = [date(2016, 6, day) for day in (27, 28, 29, 30)]
NOW = datetime(2016, 7, 1, tzinfo=UTC)
REQUEST = BackfillRequest(first=DAYS[0], last=DAYS[-1], chunk_sessions=2)
CORE = StoredSet("core", "abc", 8, 2, frozenset({DAYS[0], DAYS[4], *LATER}))
INVENTORY = Inventory(
    drops=[
        NewDrop("prices", DAYS[1], 1000, bars=True),
        NewDrop("prices", DAYS[3], 3000, bars=True),
        NewDrop("reports", DAYS[3], 50, bars=False),
    ],
    delivered=set(DAYS) - {DAYS[2]},
    rows_a_byte={"prices": 0.5, "reports": 2.0},
    sets=[CORE],
    due={DAYS[0]: 90, DAYS[4]: 110},
    pace={"ingest": 0.01},
)


def planned(inventory: Inventory = INVENTORY, request: BackfillRequest = REQUEST) -> BackfillPlan:
    return make_plan(request, chunks_of(request, Exchange()), inventory, DAYS + LATER, NOW)


def test_what_is_to_be_taken_in_and_how_long_that_takes() -> None:
    ingest = planned().ingest
    assert ingest is not None
    assert (ingest.sessions, ingest.objects, ingest.bytes, ingest.rows) == (2, 3, 4050, 2100)
    assert ingest.missing == (DAYS[2],)
    assert (ingest.time.seconds, ingest.time.basis) == (21.0, "past runs")


def test_features_are_due_where_bars_are_or_will_be_and_nothing_is_stored() -> None:
    (core,) = planned().features
    # the 21st and the 23rd come with their drops; of the 22nd there is none; 100 bars each, as the others have
    assert (core.sessions, core.rows, core.stored) == (2, 200, 2)
    assert core.time.basis == "assumed"


def test_stored_sessions_that_look_back_at_new_ones_are_named_and_stay() -> None:
    (core,) = planned().features
    # two sessions back: the 24th and the 27th see the 23rd, the 28th doesn't; the 20th sees nothing new
    assert core.stale == (DAYS[4], LATER[0])


def test_chunks_say_what_each_has_to_do() -> None:
    chunks = planned().chunks
    assert [(one.number, one.first, one.last) for one in chunks] == [
        (1, DAYS[0], DAYS[1]), (2, DAYS[2], DAYS[3]), (3, DAYS[4], DAYS[4]),
    ]  # fmt: skip
    assert [(one.objects, one.bytes, one.features) for one in chunks] == [
        (1, 1000, {"core": 1}), (2, 3050, {"core": 1}), (0, 0, {}),
    ]  # fmt: skip
    assert planned().todo() == {"ingest": 2, "features": 2}


def test_the_whole_takes_a_start_of_spark_for_each_step_that_has_something_to_do() -> None:
    plan = planned()
    assert plan.ingest is not None
    assert plan.seconds == pytest.approx(20.0 + plan.ingest.time.seconds + plan.features[0].time.seconds, abs=0.1)
    assert planned(Inventory(delivered=DAYS, sets=[CORE], due={DAYS[0]: 90})).seconds == 0.0


def test_a_step_that_is_not_asked_for_is_not_planned() -> None:
    only = planned(replace(INVENTORY, drops=[]), REQUEST.model_copy(update={"steps": ("features",)}))
    assert only.ingest is None
    assert only.todo() == {"ingest": 0, "features": 0}
    none = planned(replace(INVENTORY, sets=[]), REQUEST.model_copy(update={"steps": ("ingest",)}))
    assert (none.features, none.todo()["features"]) == ((), 0)


def test_an_empty_lake_is_planned_from_the_listing_alone() -> None:
    (core,) = planned(Inventory(drops=INVENTORY.drops, sets=[replace(CORE, stored=frozenset())])).features
    # 4,000 bytes of bars at 0.08 rows a byte, which are of two sessions each
    assert (core.sessions, core.rows) == (2, 160)
