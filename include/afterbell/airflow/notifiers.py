"""Two notifiers of our own: the log, and a webhook. Others are Airflow's, named in ``include/config/sla.yaml``."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from urllib.parse import urlsplit

import requests
from airflow.sdk import BaseNotifier, Connection, Context
from pydantic import JsonValue

from afterbell.airflow.connections import get_connection
from afterbell.errors import ConfigError, RetryableError
from afterbell.stores.http import http_session, is_loopback
from afterbell.stores.retry import Timeouts

WEBHOOK = "afterbell_webhook"
_LEVELS = {"success": logging.INFO, "held": logging.WARNING, "forecast": logging.WARNING}
_TIMEOUTS = Timeouts(connect=3.0, read=5.0)
"""Seconds to connect, and between two pieces of the answer; the caller bounds the whole."""


class LogNotifier(BaseNotifier):
    """Write the notice into the log of the process that sends it."""

    def notify(self, context: Context) -> None:
        """``context["notice"]`` as one entry."""
        notice = _notice_of(context)
        level = _LEVELS.get(str(notice["kind"]), logging.ERROR)
        logging.getLogger("afterbell.notices").log(level, "%s\n%s", notice["title"], notice["text"])


class WebhookNotifier(BaseNotifier):
    """POST the notice as JSON; services that accept Slack's payload show its ``text``.

    Args:
        conn_id: an Airflow connection of the type http: its host is the address (or host, schema, port, and the path
            in its extra), its password, if set, is sent as a bearer token.
    """

    def __init__(self, conn_id: str = WEBHOOK) -> None:
        super().__init__()
        self.conn_id = conn_id

    def notify(self, context: Context) -> None:
        """Send ``context["notice"]``.

        Raises:
            ConfigError: the connection is not defined, or would send its password in clear.
            RetryableError: the notice was not accepted. The message does not name the address, which may be a secret.
        """
        connection = get_connection(self.conn_id)
        address = _address(self.conn_id, connection)
        headers = {"Content-Type": "application/json"}
        if connection.password:
            headers["Authorization"] = f"Bearer {connection.password}"
        body = json.dumps(_notice_of(context)).encode()
        try:
            # No proxy stands between us and this machine.
            proxies = not is_loopback(urlsplit(address).hostname)
            with http_session(_TIMEOUTS, proxies=proxies, redirects=False) as session:
                answer = session.post(address, data=body, headers=headers, stream=True)
                answer.close()  # unread
        except requests.RequestException as error:
            raise RetryableError(f"webhook {self.conn_id!r}: {type(error).__name__}") from None
        if not 200 <= answer.status_code < 300:
            raise RetryableError(f"webhook {self.conn_id!r}: the answer was {answer.status_code}, expected 200 to 299")


def _address(conn_id: str, connection: Connection) -> str:
    host = connection.host or ""
    if "://" not in host:
        port = f":{connection.port}" if connection.port else ""
        host = f"{connection.schema or 'https'}://{host}{port}"
    address = host.rstrip("/") + str(connection.extra_dejson.get("path") or "")
    parts = urlsplit(address)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConfigError(f"the Airflow connection {conn_id!r} has no address: expected a host like https://host/path")
    if connection.password and parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ConfigError(f"the Airflow connection {conn_id!r} would send its password in clear: use https")
    return address


def _notice_of(context: Context) -> Mapping[str, JsonValue]:
    notice: Mapping[str, JsonValue] = context["notice"]  # type: ignore[typeddict-item]
    return notice
