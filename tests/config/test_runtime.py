"""What a step reads from its environment is what was put there, secrets included and never shown."""

from __future__ import annotations

import pytest

from afterbell.config.runtime import Runtime
from tests.cluster.test_connections import COOKIE, ENV


@pytest.mark.parametrize("cookie", [COOKIE, ""])
def test_the_stores_go_through_the_environment_unchanged(cookie: str) -> None:
    given = ENV | {"AFTERBELL_HOME": "/srv/afterbell"} | ({"AFTERBELL_HDFS_COOKIE": cookie} if cookie else {})
    found = Runtime.from_env(given)
    assert found.hdfs.cookie == cookie
    assert found.to_env() == {name: value for name, value in given.items() if name.startswith("AFTERBELL_")}
    assert "canary" not in repr(found)
