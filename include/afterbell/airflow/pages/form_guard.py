"""The checks of a request that starts something: it comes from one of our pages, shown to the signed-in user.

A browser sends the sign-in's cookie with whatever a foreign page makes it send, at least within a site. So a form
counts only if the browser states that it comes from our own origin, **and** it carries a token that this server has
signed for this person and this form not long ago, which a foreign page can't read.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from airflow.api_fastapi.auth.tokens import get_signing_key
from airflow.configuration import conf
from fastapi import HTTPException, Request
from itsdangerous import BadData, SignatureExpired, URLSafeTimedSerializer

from afterbell.airflow.pages.form_fields import Typed

MOST_BYTES = 32 * 1024
MOST_FIELDS = 200
HOURS = 12
"""How long a form may lie open."""
TOKEN = "token"  # noqa: S105 - the name of a field
_SALT = "afterbell-form"
_TYPE = "application/x-www-form-urlencoded"


class FormExpiredError(Exception):
    """The form was shown too long ago: show it again, with what was typed."""


@dataclass(frozen=True)
class Ticket:
    """A form that was shown to somebody.

    Attributes:
        number: random; the run that it starts is named after it, so that a form sent twice starts one.
        at: when it was shown.
    """

    number: str
    at: datetime

    @property
    def run_id(self) -> str:
        """The id of the run that the form starts."""
        return f"manual__{self.at:%Y-%m-%dT%H:%M:%S}+00:00_{self.number}"


def sign(user: Any, form: str) -> str:
    """A token for one showing of ``form`` to ``user``."""
    return str(_signer().dumps([str(user.get_id()), form, secrets.token_hex(4)]))


def require_ticket(token: str, user: Any, form: str) -> Ticket:
    """The ticket of a token that was signed for ``user`` and ``form``.

    Raises:
        FormExpiredError: it is too old.
        HTTPException: 403; it is not ours, or it is of another person or another form.
    """
    again = "open the form again, and send that"
    try:
        payload, signed_at = _signer().loads(token, max_age=HOURS * 3600, return_timestamp=True)
    except SignatureExpired as error:
        raise FormExpiredError(
            f"the form was open for more than {HOURS} hours: review it, and submit it again"
        ) from error
    except BadData as error:
        raise HTTPException(403, f"the token of the form was not issued by this server: {again}") from error
    if not isinstance(payload, list) or payload[:2] != [str(user.get_id()), form]:
        raise HTTPException(403, f"the token of the form belongs to another user or another form: {again}")
    return Ticket(str(payload[2]), signed_at.astimezone(UTC))


def _signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(get_signing_key("api", "secret_key"), salt=_SALT)


def require_own_origin(request: Request) -> None:
    """Reject what no page of our own origin has sent.

    Raises:
        HTTPException: 403; the browser names another origin, or none: programs start runs by Airflow's API.
    """
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is None and origin is None:
        raise HTTPException(
            403, "the request has no header that names the page of the form: programs start runs with Airflow's API"
        )
    if (site is not None and site != "same-origin") or (origin is not None and not _is_own(request.headers, origin)):
        raise HTTPException(403, "this form was sent by a page of another site; nothing was started")


def _is_own(headers: Mapping[str, str], origin: str) -> bool:
    sender, own = urlsplit(origin), urlsplit(conf.get("api", "base_url", fallback="") or "")
    if sender.scheme not in {"http", "https"} or not sender.netloc:
        return False
    return sender.netloc == headers.get("host") or (sender.scheme, sender.netloc) == (own.scheme, own.netloc)


async def read_form(request: Request) -> Typed:
    """The fields of a form that a browser sent, read up to `MOST_BYTES`.

    Raises:
        HTTPException: 413 for more, 415 for another type, 400 for what is not a form.
    """
    require_own_origin(request)
    if request.headers.get("content-type", "").split(";")[0].strip().lower() != _TYPE:
        raise HTTPException(415, f"expected a form of type {_TYPE}")
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MOST_BYTES:
            raise HTTPException(413, f"the form has more than {MOST_BYTES} bytes; nothing was started")
    typed: dict[str, list[str]] = {}
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS)
    except ValueError as error:  # other bytes than a form's, not UTF-8, or too many fields
        raise HTTPException(400, f"expected a form in UTF-8 of {MOST_FIELDS} fields at most") from error
    for name, text in pairs:
        typed.setdefault(name, []).append(text)
    return typed
