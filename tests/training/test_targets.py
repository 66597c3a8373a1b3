"""Targets within a session, against hand cases and scipy."""

import numpy as np
import pytest
from scipy import stats

from afterbell.training.targets import average_ranks, session_targets


def test_ranks_are_scipys():
    values = np.random.default_rng(0).integers(0, 20, 200).astype(float)
    assert np.array_equal(average_ranks(values), stats.rankdata(values))


def test_rank_targets_of_two_sessions_by_hand():
    labels = np.array([0.3, -0.1, 0.2, 5.0, 7.0], np.float32)
    found = session_targets(labels, np.array([0, 3, 5]), "rank")
    # Ranks 3, 1, 2 have mean 2 and standard deviation sqrt(2/3); ranks 1, 2 become -1 and 1.
    assert found == pytest.approx([1.2247449, -1.2247449, 0.0, -1.0, 1.0])


def test_an_unknown_label_has_no_target_and_leaves_the_others_alone():
    labels = np.array([0.3, np.nan, -0.1], np.float32)
    found = session_targets(labels, np.array([0, 3]), "rank")
    assert found[[0, 2]] == pytest.approx([1.0, -1.0])
    assert np.isnan(found[1])


def test_one_outlier_hardly_moves_a_winsorised_z_score():
    labels = np.linspace(-1, 1, 1001).astype(np.float32)
    plain = session_targets(labels, np.array([0, 1001]), "zscore")
    labels[-1] = 1e6
    assert np.abs(session_targets(labels, np.array([0, 1001]), "zscore") - plain).max() < 0.01


def test_z_scores_are_scipys_of_the_winsorised_labels():
    labels = np.random.default_rng(0).standard_t(3, 500).astype(np.float32)
    low, high = np.quantile(labels.astype(float), [0.01, 0.99])
    expected = stats.zscore(np.clip(labels.astype(float), low, high))
    assert session_targets(labels, np.array([0, 500]), "zscore") == pytest.approx(expected, abs=1e-6)


def test_labels_that_do_not_vary_have_no_target():
    assert np.isnan(session_targets(np.full(4, 0.5, np.float32), np.array([0, 4]), "rank")).all()
