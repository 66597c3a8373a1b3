"""Makes the secrets of docker-compose.yaml: ``python3 include/containers/compose_env.py [FILE]``, ``.env`` by default.

What the file has already stays as it is; what is missing is added. Its owner alone may read it.
"""

from __future__ import annotations

import base64
import os
import re
import secrets
import sys
from collections.abc import Callable
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]


def _word() -> str:
    """192 bits in letters and digits alone: they stand in JSON, in addresses and in Compose files as they are."""
    return secrets.token_hex(24)


def _fernet() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


def _access_key() -> str:
    return "AB" + secrets.token_hex(9).upper()


def _s3_pair(name: str, use: str) -> dict[str, tuple[Callable[[], str], str]]:
    return {
        f"S3_{name}_ACCESS_KEY": (_access_key, f"key of S3: {use}"),
        f"S3_{name}_SECRET_KEY": (_word, "and its secret"),
    }


SECRETS: dict[str, tuple[Callable[[], str], str]] = {
    "AIRFLOW_ADMIN_PASSWORD": (_word, "Airflow's user admin"),
    "AIRFLOW_DB_PASSWORD": (_word, "PostgreSQL's user airflow"),
    "AIRFLOW_FERNET_KEY": (_fernet, "encrypts connections in Airflow's database: keep it"),
    "AIRFLOW_JWT_SECRET": (_word, "signs what Airflow's components tell each other"),
    "AIRFLOW_SECRET_KEY": (_word, "signs sessions of the web pages"),
    "JUPYTER_TOKEN": (_word, "JupyterLab"),
    "LAKE_DB_PASSWORD": (_word, "PostgreSQL's user lake, the catalog of the tables"),
    "MESOS_SECRET": (_word, "Mesos' principal afterbell"),
    "NOTEBOOK_DB_PASSWORD": (_word, "PostgreSQL's user notebook, which reads the catalog"),
    "PAGES_PASSWORD": (_word, "the user afterbell of the pages of Spark's history server and of Prometheus"),
    **_s3_pair("ADMIN", "makes the buckets"),
    **_s3_pair("DELIVERY", "writes drops into the feed: for whoever delivers"),
    **_s3_pair("FEED", "reads the feed"),
    **_s3_pair("LAKE", "reads and writes the tables' files"),
    **_s3_pair("RELEASES", "reads and writes results, reports and releases"),
    **_s3_pair("NOTEBOOK", "reads the tables' files and the releases"),
    "SPARK_SECRET": (_word, "authenticates Spark's daemons and jobs to each other"),
}
"""Each with what makes it and what it is for."""

FORMER = ("S3_ACCESS_KEY", "S3_SECRET_KEY")
"""What older files have and nothing reads any more."""


def complete(text: str) -> tuple[str, list[str]]:
    """``text`` with the secrets that it lacked or had left empty, and their names."""
    present = set(re.findall(r"^([A-Z0-9_]+)=.+$", text, flags=re.MULTILINE))
    missing = [name for name in SECRETS if name not in present]
    kept = [line for line in text.splitlines() if line.rstrip() not in {f"{name}=" for name in missing}]
    made = [line for name in missing for line in (f"# {SECRETS[name][1]}", f"{name}={SECRETS[name][0]()}")]
    return "\n".join([*kept, *made]) + "\n", missing


def unused(text: str) -> list[str]:
    """The names of former secrets that are still in ``text``."""
    return [name for name in FORMER if re.search(rf"^{name}=", text, flags=re.MULTILINE)]


def main(argv: list[str]) -> int:
    """Complete the file and print what was made, never the secrets; the exit status."""
    path = Path(argv[0]) if argv else _ROOT / ".env"
    try:
        before = path.read_text(encoding="utf-8") if path.exists() else ""
        text, made = complete(before)
        if made:
            temporary = path.with_name(f"{path.name}.new")
            temporary.unlink(missing_ok=True)
            with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
                stream.write(text)
            temporary.replace(path)
        path.chmod(0o600)
    except OSError as error:
        print(f"compose-env: {error}", file=sys.stderr)
        return 1
    if former := unused(text):
        print(f"{path}: nothing reads {', '.join(former)} any more: remove them")
    print(f"{path}: made {', '.join(made)}" if made else f"{path}: nothing is missing")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
