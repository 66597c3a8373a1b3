"""Spark's submission protocol as plain requests: what the tests do behind the back of the code under test."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

from tests.patience import LONG

_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def get(url: str) -> Any:
    """The JSON document at ``url``."""
    with _DIRECT.open(url, timeout=LONG) as answer:
        return json.loads(answer.read())


def post(url: str, body: Any = None) -> Any:
    """The JSON answer to ``body``; that of a refusal too."""
    data = b"" if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json;charset=UTF-8"}, method="POST")  # noqa: S310
    try:
        with _DIRECT.open(request, timeout=LONG) as answer:
            return json.loads(answer.read())
    except urllib.error.HTTPError as refusal:
        return json.loads(refusal.read())


class Submissions:
    """The REST server at ``address`` (``http://host:port``)."""

    def __init__(self, address: str) -> None:
        self.address = address

    def create(self, request: dict[str, Any]) -> Any:
        return post(f"{self.address}/v1/submissions/create", request)

    def status(self, driver: str) -> Any:
        return get(f"{self.address}/v1/submissions/status/{driver}")

    def kill(self, driver: str) -> Any:
        return post(f"{self.address}/v1/submissions/kill/{driver}")
