"""Results of fits outlive their driver, and nothing broken or foreign is ever taken for one."""

from dataclasses import replace
from threading import Event

import pytest

from afterbell.errors import ObjectMissingError, StoreUnavailableError
from afterbell.evaluation.settings import PortfolioSettings
from afterbell.evaluation.trial_scores import TrialJudge
from afterbell.stores.protocols import StoredObject
from afterbell.training.fan_out import Job
from afterbell.training.fit_records import FitRecords, decode, encode, identity_of
from afterbell.training.fits import FINAL, Fit, FitResult
from tests.training.conftest import SPEC, make_spec

MATRIX = {"inputs": {"bars_snapshot": 1}, "code": "1"}
JOBS = [Job(Fit("ridge", 1, fold, 60, 70, 89), make_spec()) for fold in range(3)]
RESULTS = [
    FitResult(JOBS[0].fit, rows=10, predictions=b"\x00\n\xff" * 4, seconds=1.5),
    FitResult(JOBS[1].fit, "3 training rows, expected 100 or more", rows=3),
    FitResult(JOBS[2].fit, "2 of 3 predictions are not finite", broken=True, rows=11),
]
FINAL_JOB = Job(Fit("lightgbm", 1, FINAL, 127), make_spec())
FINAL_RESULT = FitResult(FINAL_JOB.fit, rows=20, model=b"tree\nversion=v4\n", seconds=2.0)


class Store:
    """Objects in memory, as an artifact store has them."""

    bucket = "artifacts"

    def __init__(self):
        self.objects, self.down, self.calls = {}, False, []

    def _call(self, name, key):
        self.calls.append((name, key))
        if self.down:
            raise StoreUnavailableError("no answer")

    def list(self, prefix):
        self._call("list", prefix)
        return [StoredObject("s3", key, len(body), "") for key, body in self.objects.items() if key.startswith(prefix)]

    def get(self, key, _most):
        self._call("get", key)
        if key not in self.objects:
            raise ObjectMissingError(key)
        return self.objects[key]

    def put(self, key, body, _content_type):
        self._call("put", key)
        self.objects[key] = body

    def delete(self, key):
        self._call("delete", key)
        self.objects.pop(key, None)


@pytest.fixture
def store():
    return Store()


@pytest.fixture
def lines():
    return []


def records(store, lines, run="r1", made_from=MATRIX):
    return FitRecords(store, run, made_from, lines.append)


def recorded(store, lines):
    """A store with two objects: three folds of one task, and a final fit."""
    with records(store, lines) as kept:
        kept.add(JOBS, RESULTS)
        kept.add([FINAL_JOB], [FINAL_RESULT])
    return store


def test_what_one_driver_recorded_the_next_finds_with_one_listing(store, lines):
    recorded(store, lines).calls.clear()
    with records(store, lines) as kept:
        found = kept.read([FINAL_JOB, *JOBS])
    assert found == {0: FINAL_RESULT, 1: RESULTS[0], 2: RESULTS[1], 3: RESULTS[2]}
    assert [name for name, _ in store.calls] == ["list", "get", "get"]
    assert lines == ["4 fits were recorded by an earlier try of this run"]


def test_nothing_is_there_at_first(store, lines):
    with records(store, lines) as kept:
        assert kept.read(JOBS) == {}
    assert lines == []


def test_another_run_or_matrix_finds_nothing(store, lines):
    recorded(store, lines)
    with records(store, lines, run="r2") as other, records(store, lines, made_from=MATRIX | {"code": "2"}) as newer:
        assert other.read(JOBS) == newer.read(JOBS) == {}


@pytest.mark.parametrize(
    "spec",
    [
        make_spec(seed=4),
        make_spec(target="zscore"),
        make_spec(min_train_rows=101),
        make_spec(max_train_rows=999),
        make_spec(families=SPEC["families"] | {"ridge": {"penalty": 0.2}}),
    ],
    ids=["seed", "target", "fewest rows", "most rows", "parameters"],
)
def test_whatever_decides_a_result_is_part_of_its_identity(spec):
    job = JOBS[0]
    assert identity_of(replace(job, spec=spec), MATRIX) != identity_of(job, MATRIX)
    for change in ({"fold": 1}, {"horizon": 5}, {"train_last": 61}, {"test_first": 71}, {"family": "lightgbm"}):
        assert identity_of(replace(job, fit=replace(job.fit, **change)), MATRIX) != identity_of(job, MATRIX)
    costs = [PortfolioSettings(cost_bps=cost, sessions_per_year=252, min_symbols=20) for cost in (5.0, 6.0)]
    judges = [TrialJudge(costs[0], 90), TrialJudge(costs[0], 91), TrialJudge(costs[1], 90)]
    assert len({identity_of(replace(job, judge=judge), MATRIX) for judge in (None, *judges)}) == 4


def test_the_code_is_part_of_the_identity(monkeypatch):
    before = identity_of(JOBS[0], MATRIX)
    monkeypatch.setattr("afterbell.training.fit_records.code_version", lambda: "another")
    assert identity_of(JOBS[0], MATRIX) != before


def whole():
    return encode(["a", "b", "c"], RESULTS)


def test_a_whole_object_is_read():
    found = decode(whole())
    assert list(found) == ["a", "b", "c"]
    assert [one.result_of(job.fit) for one, job in zip(found.values(), JOBS, strict=True)] == RESULTS


def test_the_store_is_read_once_for_all_parts_of_a_search(store, lines):
    recorded(store, lines).calls.clear()
    with records(store, lines) as kept:
        assert kept.read(JOBS) == dict(enumerate(RESULTS))
        assert kept.read([FINAL_JOB]) == {0: FINAL_RESULT}
    assert [name for name, _ in store.calls] == ["list", "get", "get"]


def test_an_object_cut_off_anywhere_is_no_record():
    body = whole()
    assert all(decode(body[:size]) == {} for size in range(len(body)))


def test_an_object_with_any_byte_changed_is_no_record():
    body = whole()
    for place in range(len(body)):
        assert decode(body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]) == {}


def test_a_broken_object_costs_its_own_fits(store, lines):
    first, *_ = recorded(store, lines).objects
    store.objects[first] = store.objects[first][:-1]
    with records(store, lines) as kept:
        assert len(kept.read([*JOBS, FINAL_JOB])) in {1, 3}


def test_a_store_that_does_not_answer_costs_a_warning_and_no_more_calls(store, lines):
    store.down = True
    with records(store, lines) as kept:
        assert kept.read(JOBS) == {}
        for _ in range(5):
            kept.add(JOBS, RESULTS)
    assert len(store.calls) == 1
    assert len(lines) == 1
    assert lines[0].startswith("warning: results of fits could not be read in fits/r1/: StoreUnavailableError")


def test_a_write_that_fails_costs_a_warning(store, lines):
    with records(store, lines) as kept:
        store.down = True
        kept.add(JOBS, RESULTS)
    assert [line.split(" in ")[0] for line in lines] == ["warning: results of fits could not be written"]


def test_nobody_waits_for_a_write(store, lines):
    go_on, put = Event(), store.put
    store.put = lambda *args: (go_on.wait(600), put(*args))
    with records(store, lines) as kept:
        kept.add(JOBS, RESULTS)
        assert store.objects == {}
        go_on.set()
    assert len(store.objects) == 1


def test_a_run_with_a_candidate_removes_its_records_and_no_others(store, lines):
    recorded(store, lines)
    store.objects["fits/r2/x.fits"] = b""
    with records(store, lines) as kept:
        kept.remove()
    assert list(store.objects) == ["fits/r2/x.fits"]
