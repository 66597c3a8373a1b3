"""Requests that write reach Airflow's API one after the other, where its database is SQLite.

Airflow writes its audit log on the event loop, and waits there for SQLite's lock. A request that holds the lock is
answered by a thread, and needs the loop to commit: each waits for the other until SQLite's timeout. For all that time
the server answers nobody, and then one of the two requests fails with 500. A trigger in the page at the moment a task
starts is enough. Other processes hold the lock for milliseconds, and are waited for as before.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_READING = frozenset({"GET", "HEAD", "OPTIONS"})


class OneWriter:
    """ASGI middleware: one request at a time of those that may write.

    Attributes:
        app: the application that answers.
    """

    def __init__(self, app: ASGIApp) -> None:
        """Wrap ``app``."""
        self.app = app
        self._turn = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request that reads at once, one that may write when its turn has come."""
        if scope["type"] != "http" or scope["method"] in _READING:
            await self.app(scope, receive, send)
            return
        messages = await _read_body(receive)  # first: a client that sends slowly keeps nobody waiting

        async def replay() -> Message:
            return messages.pop(0) if messages else await receive()

        async with self._turn:
            await self.app(scope, replay, send)


async def _read_body(receive: Receive) -> list[Message]:
    """The messages of a request's body, up to its end or until the client disconnects."""
    messages = [await receive()]
    while messages[-1].get("more_body"):
        messages.append(await receive())
    return messages
