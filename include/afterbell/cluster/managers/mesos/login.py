"""Registering with Mesos: where, by whom, with which secret, and what the submitter's machine needs for it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from afterbell.cluster.managers.contract import SparkLogin
from afterbell.cluster.managers.mesos.keys import MesosKeys
from afterbell.cluster.profile_keys import ProfileKeys, own_keys
from afterbell.errors import ConfigError

PRINCIPAL, SECRET = "SPARK_MESOS_PRINCIPAL", "SPARK_MESOS_SECRET"
_LIBMESOS = "MESOS_NATIVE_JAVA_LIBRARY"


def servers(master: str) -> list[tuple[str, int]]:
    """Host and port of the master or dispatcher, or of ZooKeeper's servers."""
    named = re.sub(r"^mesos://(zk://)?", "", master).split("/")[0]
    pairs = [address.rsplit(":", 1) for address in named.split(",")]
    return [(host, int(port)) for host, port in pairs]


def check_submitter(profile: ProfileKeys, environment: Mapping[str, str]) -> None:
    """Refuse to start a driver in client mode where libmesos is missing.

    Raises:
        ConfigError: the environment names no such file.
    """
    named = environment.get(_LIBMESOS, "")
    if profile.deploy_mode == "client" and not (named and Path(named).is_file()):
        raise ConfigError(
            f"drivers in client mode need Mesos' library on this machine, and {_LIBMESOS} is {named!r}: set it "
            "to the path of libmesos.so in the environment of Airflow's workers, or use the profile mesos-cluster"
        )


def login_secrets(profile: ProfileKeys, login: SparkLogin, inherited: dict[str, str]) -> dict[str, str]:
    """The connection's password is the principal's secret; its login is the principal where the profile names none.

    Raises:
        ConfigError: there is a secret and no principal.
    """
    principal = own_keys(profile, MesosKeys).principal or login.login
    if not login.password:
        named = principal and inherited.get(SECRET) and not inherited.get(PRINCIPAL)
        return inherited | ({PRINCIPAL: principal} if named else {})
    if not principal:
        raise ConfigError(
            f"the Airflow connection {login.conn_id!r} has a password, which is Mesos' secret, but no principal: "
            "set the principal as its login, or as principal in the profile"
        )
    return inherited | {PRINCIPAL: principal, SECRET: login.password}


def open_doors(profile: ProfileKeys) -> Iterator[str]:
    """Warnings about secrets of the profile that Mesos' pages show."""
    if profile.credentials == "submit":
        yield (
            "credentials: submit shows the stores' keys to anyone who may read Mesos' tasks: use node, or "
            "spark.mesos.executor.secret.*"
        )
