"""Which S3 keys go with which bucket: its own pair where it has one, the general pair else."""

from __future__ import annotations

import pytest

from afterbell.config.s3_keys import ARTIFACTS, FEED, GENERAL, S3_KEYS, keys_of, own_keys, pairs_in
from afterbell.errors import ConfigError

ONE = {"AWS_ACCESS_KEY_ID": "general", "AWS_SECRET_ACCESS_KEY": "general-secret"}
OWN = {
    "AFTERBELL_FEED_ACCESS_KEY": "feed", "AFTERBELL_FEED_SECRET_KEY": "feed-secret",
    "AFTERBELL_ARTIFACT_ACCESS_KEY": "artifacts", "AFTERBELL_ARTIFACT_SECRET_KEY": "artifacts-secret",
}  # fmt: skip


@pytest.mark.parametrize(
    ("pair", "environment", "keys"),
    [
        (FEED, ONE, ("general", "general-secret")),
        (ARTIFACTS, ONE, ("general", "general-secret")),
        (FEED, ONE | OWN, ("feed", "feed-secret")),
        (ARTIFACTS, ONE | OWN, ("artifacts", "artifacts-secret")),
        (GENERAL, ONE | OWN, ("general", "general-secret")),
        (FEED, dict.fromkeys(OWN, "") | ONE, ("general", "general-secret")),
        (FEED, {}, None),
    ],
)
def test_a_bucket_has_its_own_keys_or_the_general_ones(pair, environment, keys):
    assert keys_of(pair, environment) == keys


@pytest.mark.parametrize("missing", sorted(OWN))
def test_half_a_pair_is_an_error_that_names_both_and_shows_neither(missing):
    half = {name: value for name, value in OWN.items() if name != missing}
    pair = FEED if missing in FEED else ARTIFACTS
    with pytest.raises(ConfigError, match=f"{missing} is not") as caught:
        own_keys(pair, half)
    assert "-secret" not in str(caught.value)


def test_every_variable_of_a_key_is_known_as_one():
    assert set(OWN) | set(ONE) <= set(S3_KEYS)
    assert pairs_in(OWN | ONE | {"AFTERBELL_HOME": "x"}) == OWN
