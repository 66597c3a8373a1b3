"""How people sign in to Airflow, by the variable AUTH: ``database`` (default), ``ldap`` or ``oidc``.

docs/compose.md has an example of each. Groups of the directory become Airflow's roles by ``AUTH_ROLES``, such as
``{"cn=quants,ou=groups,dc=example,dc=com": ["User"]}``; whoever is in none of them gets AUTH_DEFAULT_ROLE.
"""

from __future__ import annotations

import json
import os

from flask_appbuilder.security.manager import AUTH_DB, AUTH_LDAP, AUTH_OAUTH

_KIND = os.environ.get("AUTH") or "database"
if _KIND not in {"database", "ldap", "oidc"}:
    raise ValueError(f"AUTH is {_KIND!r}: use database, ldap or oidc")


def _need(name: str) -> str:
    value = os.environ.get(name, "")
    if not value:
        raise ValueError(f"AUTH={_KIND} needs {name}: see docs/compose.md")
    return value


WTF_CSRF_ENABLED = True
AUTH_TYPE = {"database": AUTH_DB, "ldap": AUTH_LDAP, "oidc": AUTH_OAUTH}[_KIND]
AUTH_RATE_LIMITED = True
AUTH_RATE_LIMIT = "10 per 20 second"
if _KIND != "database":
    AUTH_USER_REGISTRATION = True
    AUTH_USER_REGISTRATION_ROLE = os.environ.get("AUTH_DEFAULT_ROLE") or "Viewer"
    AUTH_ROLES_SYNC_AT_LOGIN = True
    AUTH_ROLES_MAPPING = json.loads(os.environ.get("AUTH_ROLES") or "{}")
if _KIND == "ldap":
    AUTH_LDAP_SERVER = _need("LDAP_SERVER")
    AUTH_LDAP_SEARCH = _need("LDAP_SEARCH")
    AUTH_LDAP_BIND_USER = os.environ.get("LDAP_BIND_USER", "")
    AUTH_LDAP_BIND_PASSWORD = os.environ.get("LDAP_BIND_PASSWORD", "")
    AUTH_LDAP_UID_FIELD = os.environ.get("LDAP_UID_FIELD") or "uid"
    AUTH_LDAP_GROUP_FIELD = os.environ.get("LDAP_GROUP_FIELD") or "memberOf"
    AUTH_LDAP_USE_TLS = os.environ.get("LDAP_START_TLS") == "true"
    AUTH_LDAP_TLS_CACERTFILE = os.environ.get("LDAP_CA_FILE", "")
if _KIND == "oidc":
    from airflow.providers.fab.auth_manager.security_manager.override import FabAirflowSecurityManagerOverride

    _ISSUER = _need("OIDC_ISSUER").rstrip("/")
    OAUTH_PROVIDERS = [
        {
            "name": "oidc",
            "icon": "fa-key",
            "token_key": "access_token",
            "remote_app": {
                "client_id": _need("OIDC_CLIENT_ID"),
                "client_secret": _need("OIDC_CLIENT_SECRET"),
                "server_metadata_url": f"{_ISSUER}/.well-known/openid-configuration",
                "client_kwargs": {"scope": os.environ.get("OIDC_SCOPE") or "openid email profile groups"},
            },
        }
    ]

    class SecurityManager(FabAirflowSecurityManagerOverride):
        """Reads who signed in out of the provider's own claims."""

        def get_oauth_user_info(self, provider: str, resp: dict[str, object]) -> dict[str, object]:
            """Name, address and groups; ``resp`` is the provider's answer with the verified claims of the id token."""
            told = resp.get("userinfo") or self.oauth_remotes[provider].userinfo(token=resp)
            claims = dict(told)
            return {
                "username": claims.get("preferred_username") or claims["sub"],
                "email": claims.get("email", ""),
                "first_name": claims.get("given_name", ""),
                "last_name": claims.get("family_name", ""),
                "role_keys": list(claims.get(os.environ.get("OIDC_GROUPS_CLAIM") or "groups") or []),
            }

    FAB_SECURITY_MANAGER_CLASS = "webserver_config.SecurityManager"
    SECURITY_MANAGER_CLASS = SecurityManager
