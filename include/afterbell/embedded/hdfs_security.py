"""How the embedded HDFS identifies its owner, so that it answers nobody else; without Kerberos.

By itself Hadoop believes whatever name a client gives. Here

- each page and service of the NameNode's and the DataNode's web servers requires a cookie with the signature of a key
  that lies in a file of the owner (Hadoop's own filter: the keytab that would let others sign in otherwise is empty);
- RPC is for one user name alone, drawn at random: it is a secret as good as a password while nothing shows it. It
  stands in no argument of a process, the servers' environment is the owner's, and no program is asked for its groups;
- blocks are read and written with a token of the NameNode's.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from afterbell.embedded.private import read_json, write_private
from afterbell.errors import ServiceError

_YEARS = timedelta(days=3650)
_KEYTAB, _KEY, _POLICY = "none.keytab", "cookie.key", "hadoop-policy.xml"


@dataclass(frozen=True)
class Identity:
    """Who may use the embedded HDFS.

    Attributes:
        user: the one user that RPC is for, the superuser; never shown.
        key: what cookies are signed with; never shown.
        cookie: the header ``Cookie`` of WebHDFS; never shown.
    """

    user: str = field(repr=False)
    key: str = field(repr=False)
    cookie: str = field(repr=False)


def identity(services: Path) -> Identity:
    """Made at random once, kept in a file that its owner alone reads.

    Raises:
        ServiceError: the file is there but not what was written.
    """
    path = services / "hdfs-identity.json"
    if not path.exists():
        user, key = f"ab{secrets.token_hex(16)}", secrets.token_hex(32)
        write_private(path, json.dumps({"user": user, "key": key, "cookie": _cookie(user, key)}))
    stored = read_json(path, "the identity of the embedded HDFS")
    if not {"user", "key", "cookie"} <= set(stored):
        raise ServiceError(
            f"{path} does not hold the identity of the embedded HDFS: `make down`, remove it, start again"
        )
    return Identity(stored["user"], stored["key"], stored["cookie"])


def _cookie(user: str, key: str) -> str:
    """In the format of Hadoop's ``AuthenticationToken`` and ``Signer``: the text, then its HMAC-SHA256."""
    ends = int((datetime.now(UTC) + _YEARS).timestamp() * 1000)
    text = f"u={user}&p={user}&t=kerberos&e={ends}"
    signature = base64.b64encode(hmac.new(key.encode(), text.encode(), hashlib.sha256).digest()).decode()
    return f"hadoop.auth={text}&s={signature}"


def write_files(conf: Path, owner: Identity) -> None:
    """Write what `core_site` names, and who may use RPC, into the folder of the configuration."""
    write_private(conf / _KEYTAB, "")
    write_private(conf / _KEY, owner.key)
    write_private(conf / _POLICY, policy(owner))


def policy(owner: Identity) -> str:
    """Hadoop's ``hadoop-policy.xml``: every protocol of RPC is for the owner alone."""
    name = "security.service.authorization.default.acl"
    return f"<configuration>\n  <property><name>{name}</name><value>{owner.user}</value></property>\n</configuration>\n"


def is_written(conf: Path, owner: Identity) -> bool:
    """Whether the configuration in the folder is for this owner: that of a former version was for everybody."""
    path = conf / _POLICY
    return path.exists() and path.read_text(encoding="utf-8") == policy(owner)


def core_site(conf: Path) -> dict[str, str]:
    """The settings of both daemons."""
    http = "hadoop.http.authentication"
    return {
        "hadoop.http.filter.initializers": "org.apache.hadoop.security.AuthenticationFilterInitializer",
        f"{http}.type": "kerberos",
        f"{http}.kerberos.principal": "HTTP/localhost@AFTERBELL",
        f"{http}.kerberos.keytab": str(conf / _KEYTAB),
        f"{http}.signature.secret.file": str(conf / _KEY),
        "hadoop.security.authorization": "true",
        "hadoop.security.instrumentation.requires.admin": "true",  # /jmx, /conf and /stacks, which show users
        # By itself it starts a program with the user's name as argument, where everybody sees it.
        "hadoop.security.group.mapping": "org.apache.hadoop.security.NullGroupsMapping",
    }


def hdfs_site() -> dict[str, str]:
    """The settings of the file system."""
    return {
        "dfs.block.access.token.enable": "true",
        # A web page in a browser on this machine must not write: a browser sends its POST without asking.
        "dfs.webhdfs.rest-csrf.enabled": "true",
    }
