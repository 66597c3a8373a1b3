"""How people sign in to Airflow, by the variable AUTH: ``database`` (default), ``ldap`` or ``oidc``.

docs/sign-in.md has a complete example of each. Groups of the directory become Airflow's roles by ``AUTH_ROLES``, such
as ``{"cn=quants,ou=groups,dc=example,dc=com": ["User"]}``; everybody gets AUTH_DEFAULT_ROLE besides. A wrong setting
ends the start with an error. As a program it prints what Airflow would do: ``python webserver_config.py [USER]``.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from pathlib import Path
from typing import Any

from flask_appbuilder.const import AUTH_DB, AUTH_LDAP, AUTH_OAUTH

_LOCAL = "admin"  # admin.py makes this user, with a password of its own
_SECONDS = 10  # a directory that doesn't answer must not hold up the API server
_TYPES = {"database": AUTH_DB, "ldap": AUTH_LDAP, "oidc": AUTH_OAUTH}
_log = logging.getLogger("afterbell.sign_in")


def _wrong(name: str, rule: str) -> ValueError:
    """Never with the value: it may be a secret, or have one in the wrong place."""
    return ValueError(f"{name} {rule}: set it in .env, docs/sign-in.md has an example")


def _text(name: str, default: str = "") -> str:
    return os.environ.get(name, "").strip() or default


def _need(name: str) -> str:
    if not (value := _text(name)):
        raise _wrong(name, f"is empty, and AUTH={KIND} needs it")
    return value


def _roles() -> dict[str, list[str]]:
    example = 'must be JSON such as {"GROUP": ["User"]}'
    try:
        mapping = json.loads(_text("AUTH_ROLES", "{}"))
    except json.JSONDecodeError as error:
        raise _wrong("AUTH_ROLES", f"{example}, and isn't at its character {error.pos + 1} ({error.msg})") from None
    if not isinstance(mapping, dict):
        raise _wrong("AUTH_ROLES", example)
    for group, roles in mapping.items():
        if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
            raise _wrong("AUTH_ROLES", f"{example}, and the roles of {group!r} are no list of names")
    return mapping


def _authorities(name: str) -> str:
    """The file of trusted authorities; the system's own by default."""
    path = _text(name, "/etc/ssl/certs/ca-certificates.crt")
    if not os.access(path, os.R_OK) or not Path(path).is_file():
        raise _wrong(name, f"names {path}, which is no file that the container can read")
    return path


KIND = _text("AUTH", "database")
if KIND not in _TYPES:
    raise _wrong("AUTH", f"is {KIND!r} and must be database, ldap or oidc")
AUTH_TYPE = _TYPES[KIND]
WTF_CSRF_ENABLED = True
AUTH_RATE_LIMITED = True
AUTH_RATE_LIMIT = "10 per 20 second"


if KIND != "database":
    AUTH_ROLES_MAPPING = _roles()
    AUTH_ROLES_SYNC_AT_LOGIN = True
    AUTH_USER_REGISTRATION = True
    # FAB gives this role to everybody, also to those whose groups have others.
    AUTH_USER_REGISTRATION_ROLE = _text("AUTH_DEFAULT_ROLE", "Public")


if KIND == "ldap":
    try:
        import ldap
    except ImportError:
        raise ValueError("AUTH=ldap needs Debian's package python3-ldap in the image: build it anew") from None
    for _option in (ldap.OPT_NETWORK_TIMEOUT, ldap.OPT_TIMEOUT):
        ldap.set_option(_option, _SECONDS)
    AUTH_LDAP_SERVER = _need("LDAP_SERVER")
    if {address.partition("://")[0] for address in AUTH_LDAP_SERVER.split()} not in ({"ldap"}, {"ldaps"}):
        raise _wrong("LDAP_SERVER", "must be ldaps://HOST or ldap://HOST (several with blanks, all of one kind)")
    # No password goes over the network in clear text unless that was requested.
    _start_tls = _text("LDAP_START_TLS", "true")
    if _start_tls not in {"true", "false"}:
        raise _wrong("LDAP_START_TLS", "must be true or false")
    AUTH_LDAP_USE_TLS = AUTH_LDAP_SERVER.startswith("ldap://") and _start_tls == "true"
    AUTH_LDAP_TLS_CACERTFILE = _authorities("LDAP_CA_FILE")
    AUTH_LDAP_TLS_DEMAND = True  # without it libldap doesn't take the file of authorities into account
    AUTH_LDAP_SEARCH = _need("LDAP_SEARCH")
    AUTH_LDAP_SEARCH_FILTER = _text("LDAP_FILTER")
    if AUTH_LDAP_SEARCH_FILTER and not (AUTH_LDAP_SEARCH_FILTER[0] == "(" and AUTH_LDAP_SEARCH_FILTER[-1] == ")"):
        raise _wrong("LDAP_FILTER", "must be a filter in parentheses")
    AUTH_LDAP_UID_FIELD = _text("LDAP_UID_FIELD", "uid")
    AUTH_LDAP_GROUP_FIELD = _text("LDAP_GROUP_FIELD", "memberOf")
    AUTH_LDAP_BIND_USER = _text("LDAP_BIND_USER")
    AUTH_LDAP_USERNAME_FORMAT = _text("LDAP_USERNAME_FORMAT")
    if AUTH_LDAP_BIND_USER:
        AUTH_LDAP_BIND_PASSWORD = _need("LDAP_BIND_PASSWORD")
    elif AUTH_LDAP_USERNAME_FORMAT.count("%") != 1 or "%s" not in AUTH_LDAP_USERNAME_FORMAT:
        raise _wrong("LDAP_BIND_USER", "is empty, and LDAP_USERNAME_FORMAT is no name with one %s in its place")


if KIND == "oidc":
    _issuer = _need("OIDC_ISSUER").rstrip("/")
    if not _issuer.startswith("https://"):
        raise _wrong("OIDC_ISSUER", "must begin with https://")
    _scope = _text("OIDC_SCOPE", "openid email profile")
    if "openid" not in _scope.split():
        raise _wrong("OIDC_SCOPE", "must have openid among its words")
    _discovery = f"{_issuer}/.well-known/openid-configuration"
    _trusted = _authorities("OIDC_CA_FILE")
    OAUTH_PROVIDERS = [
        {
            "name": "oidc",
            "icon": "fa-key",
            "token_key": "access_token",
            "remote_app": {
                "client_id": _need("OIDC_CLIENT_ID"),
                "client_secret": _need("OIDC_CLIENT_SECRET"),
                "server_metadata_url": _discovery,
                "client_kwargs": {
                    "scope": _scope,
                    "code_challenge_method": "S256",
                    "verify": _trusted,
                    "default_timeout": _SECONDS,
                },
            },
        }
    ]


if KIND != "database":
    from airflow.providers.fab.auth_manager.security_manager.override import FabAirflowSecurityManagerOverride

    class SecurityManager(FabAirflowSecurityManagerOverride):
        """Signs people in as the directory knows them, except for the local user, who is Airflow's alone."""

        def auth_user_ldap(self, username: str, password: str, rotate_session_id: bool = True) -> Any:
            """The user, or None: somebody called admin in the directory would become Airflow's own, of other roles."""
            if username and username.strip().casefold() == _LOCAL:
                return None
            return super().auth_user_ldap(username, password, rotate_session_id=rotate_session_id)

        def get_oauth_user_info(self, provider: str, resp: dict[str, Any]) -> dict[str, Any]:
            """Name, address and groups; ``resp`` has the claims of the id token, whose signature authlib has verified.

            Raises:
                ValueError: there is no id token, or the name is the local user's.
            """
            if not resp.get("userinfo"):
                raise ValueError("the identity provider sent no id token: its client must be one of OpenID Connect")
            claims = dict(resp["userinfo"])
            groups = _text("OIDC_GROUPS_CLAIM", "groups")
            remote = self.oauth_remotes[provider]
            if groups not in claims and "userinfo_endpoint" in remote.load_server_metadata():
                more = remote.userinfo(token=resp)
                if more.get("sub") == claims["sub"]:
                    claims = {**more, **claims}
            name = claims.get("preferred_username") or claims["sub"]
            if name.strip().casefold() == _LOCAL:
                raise ValueError(f"{name!r} of the identity provider may not sign in: the name is Airflow's own user's")
            if groups not in claims:
                _log.warning("no claim %r of %s, so no role by AUTH_ROLES: docs/sign-in.md", groups, name)
            group_claim = claims.get(groups) or []
            return {
                "username": name,
                "email": claims.get("email") or "",
                "first_name": claims.get("given_name") or "",
                "last_name": claims.get("family_name") or "",
                "role_keys": [group_claim] if isinstance(group_claim, str) else list(group_claim),
            }

    SECURITY_MANAGER_CLASS = SecurityManager  # the class itself: Airflow imports none by its name


def _ldap_entry(name: str) -> str:
    """The directory's entry of a user, read with Airflow's own account, and the roles that follow."""
    from ldap.filter import escape_filter_chars  # noqa: PLC0415 - only where there is an ldap

    if not AUTH_LDAP_BIND_USER:
        return f"{name} binds as {AUTH_LDAP_USERNAME_FORMAT % name}: sign in to see the rest"
    ldap.set_option(ldap.OPT_X_TLS_CACERTFILE, AUTH_LDAP_TLS_CACERTFILE)
    ldap.set_option(ldap.OPT_X_TLS_NEWCTX, 0)
    connection = ldap.initialize(AUTH_LDAP_SERVER)
    connection.set_option(ldap.OPT_REFERRALS, 0)
    try:
        if AUTH_LDAP_USE_TLS:
            connection.start_tls_s()
        connection.simple_bind_s(AUTH_LDAP_BIND_USER, AUTH_LDAP_BIND_PASSWORD)
        query = f"(&{AUTH_LDAP_SEARCH_FILTER}({AUTH_LDAP_UID_FIELD}={escape_filter_chars(name)}))"
        matches = connection.search_s(AUTH_LDAP_SEARCH, ldap.SCOPE_SUBTREE, query, [AUTH_LDAP_GROUP_FIELD])
    except ldap.LDAPError as error:
        raise SystemExit(f"{AUTH_LDAP_SERVER}: {error!r}: see the table of docs/sign-in.md") from None
    entries = [(dn, fields) for dn, fields in matches if dn]
    if len(entries) != 1:
        return f"{query} finds {len(entries)} entries below {AUTH_LDAP_SEARCH}, and must find one: nobody signs in so"
    dn, fields = entries[0]
    groups = [group.decode() for group in fields.get(AUTH_LDAP_GROUP_FIELD, [])]
    roles = {role for group in groups for role in AUTH_ROLES_MAPPING.get(group, [])} | {AUTH_USER_REGISTRATION_ROLE}
    return json.dumps({"dn": dn, "groups": groups, "roles": sorted(roles)}, indent=1, ensure_ascii=False)


def _provider() -> str:
    """The identity provider's endpoints, and the address of Airflow that it must know."""
    import requests  # noqa: PLC0415 - for this question alone

    try:
        answer = requests.get(_discovery, timeout=_SECONDS, verify=_trusted)
        answer.raise_for_status()
        metadata = answer.json()
        endpoints = {
            name: metadata[name] for name in ("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri")
        }
    except (requests.RequestException, KeyError) as error:
        raise SystemExit(f"{_discovery}: {error!r}: see the table of docs/sign-in.md") from None
    base = _text("AIRFLOW__API__BASE_URL").rstrip("/")
    return json.dumps({**endpoints, "redirect_uri": f"{base}/auth/oauth-authorized/oidc"}, indent=1)


if __name__ == "__main__":
    if KIND == "ldap" and sys.argv[1:]:
        print(_ldap_entry(sys.argv[1]))
    elif KIND == "oidc":
        print(_provider())
    else:
        print(f"AUTH={KIND}: the settings are complete")
