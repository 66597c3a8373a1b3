"""A step that takes its time says how far it is, and never fails of saying it."""

from __future__ import annotations

import threading

import pytest

from afterbell.cluster import report as reports
from afterbell.cluster.report import report, reported


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reports, "_WRITE", 0.01)


def test_the_newest_report_is_written_and_the_same_one_only_once() -> None:
    written: list[dict[str, object]] = []
    first, second = threading.Event(), threading.Event()

    def write(told: dict[str, object]) -> None:
        written.append(told)
        (first if told["done"] == 1 else second).set()

    with reported(write):
        report("fits", 1, 4)
        assert first.wait(60)
        report("fits", 3, 4)
        assert second.wait(60)
    assert [(each["what"], each["done"], each["of"]) for each in written] == [("fits", 1, 4), ("fits", 3, 4)]
    assert written[0]["began"] == written[1]["began"]


def test_more_fits_than_were_known_begin_nothing_anew_but_fewer_done_do() -> None:
    first, second, third = (threading.Event() for _ in range(3))
    events = {2: first, 3: second, 0: third}
    told: dict[object, object] = {}

    def write(found: dict[str, object]) -> None:
        told[found["done"]] = found["began"]
        events[int(str(found["done"]))].set()

    with reported(write):
        report("fits", 2, 4)
        assert first.wait(60)
        report("fits", 3, 9)
        assert second.wait(60)
        report("fits", 0, 9)
        assert third.wait(60)
    assert told[2] == told[3] != told[0]


def test_another_count_begins_anew() -> None:
    seen = threading.Event()
    told: dict[str, object] = {}

    def write(found: dict[str, object]) -> None:
        told.update(found)
        if found["what"] == "tasks":
            seen.set()

    with reported(write):
        report("fits", 1, 4)
        report("tasks", 0, 9)
        assert seen.wait(60)
    assert told["began"] == told["at"]


def test_a_store_that_refuses_does_not_stop_the_step(capsys: pytest.CaptureFixture[str]) -> None:
    tried = threading.Event()

    def write(_: dict[str, object]) -> None:
        tried.set()
        raise OSError("no route")

    with reported(write):
        report("fits", 1, 4)
        assert tried.wait(60)
        report("fits", 2, 4)
    assert "progress could not be reported: OSError: no route" in capsys.readouterr().err


def test_what_a_step_before_it_said_is_not_this_ones() -> None:
    report("fits", 4, 4)
    written: list[dict[str, object]] = []
    over = threading.Event()
    with reported(written.append):
        over.wait(0.1)
    assert written == []
