"""Small fits share a task, large ones have their own, and their order stays."""

from collections import deque
from dataclasses import replace

import pytest

from afterbell.training.fit_groups import Costs, take_group
from afterbell.training.fits import Fit, FitResult


def fit(number, family="ridge", sessions=100):
    return Fit(family, 1, number, sessions - 1)


def costs(**seconds):
    """Costs of fits of 100 sessions."""
    learned = Costs()
    for family, value in seconds.items():
        learned.learn(FitResult(fit(0, family), seconds=value))
    return learned


def block(number, blocks=11):
    return replace(fit(0), block=(number, blocks))


def groups(fits, learned, cores=2, alone=()):
    waiting, found = deque(enumerate(fits)), []
    while waiting:
        found.append(take_group(waiting, learned, cores, alone))
    return found


def test_while_nothing_is_known_of_a_family_each_of_its_fits_has_a_task():
    assert groups([fit(number) for number in range(4)], Costs()) == [[0], [1], [2], [3]]


def test_small_fits_fill_two_seconds():
    first, *_ = groups([fit(number) for number in range(100)], costs(ridge=0.125))
    assert first == list(range(16))


def test_large_fits_stay_alone():
    assert groups([fit(number) for number in range(3)], costs(ridge=1.5)) == [[0], [1], [2]]


def test_the_order_stays_where_small_and_large_ones_alternate():
    fits = [fit(number, family) for number, family in enumerate(["ridge", "ridge", "lightgbm", "ridge"])]
    found = groups(fits, costs(ridge=0.1, lightgbm=9.0), cores=1)
    assert found == [[0, 1], [2], [3]]


def test_a_fit_of_more_sessions_counts_for_more():
    fits = [fit(number, sessions=400) for number in range(100)]
    assert groups(fits, costs(ridge=0.125))[0] == [0, 1, 2, 3]  # half a second each


def test_what_is_left_is_shared_by_all_cores():
    found = groups([fit(number) for number in range(8)], costs(ridge=0.001), cores=2)
    assert [len(group) for group in found] == [2, 2, 1, 1, 1, 1]


def test_fits_that_are_tried_again_have_a_task_of_their_own():
    found = groups([fit(number) for number in range(20)], costs(ridge=0.001), cores=1, alone={0, 5})
    assert [group for group in found if 0 in group or 5 in group] == [[0], [5]]
    assert [number for group in found for number in group] == list(range(20))


def test_the_first_fit_of_a_process_does_not_spoil_what_is_known():
    learned = costs(ridge=3.0)  # it imports a library
    for _ in range(4):
        learned.learn(FitResult(fit(0), seconds=0.01))
    assert learned.seconds(fit(1)) == 0.01


def test_a_fit_that_was_not_done_teaches_nothing():
    learned = Costs()
    learned.learn(FitResult(fit(0), reason="3 training rows, expected 100 or more"))
    assert learned.seconds(fit(0)) is None


def test_a_block_is_no_whole_fit_and_the_market_s_block_no_block_of_groups():
    learned = Costs()
    assert learned.seconds(block(1)) is None
    learned.learn(FitResult(block(0), seconds=30.0))
    learned.learn(FitResult(block(1), seconds=2.0))
    assert [learned.seconds(block(number)) for number in (0, 5)] == pytest.approx([30.0, 2.0])
    learned.learn(FitResult(fit(0), seconds=50.0))
    assert [learned.seconds(block(0)), learned.seconds(fit(0))] == pytest.approx([30.0, 50.0])


def test_while_no_block_is_done_a_block_takes_its_share_of_a_whole_fit():
    assert costs(ridge=44.0).seconds(block(3)) == pytest.approx(4.0)
