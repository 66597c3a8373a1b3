"""Configuration of the platform: its stores, and the folders of its own files on this machine.

Set in ``include/config/platform.yaml``, or in the file that ``AFTERBELL_PLATFORM`` names. Ports can be overridden by
``AFTERBELL_S3_PORT``, ``AFTERBELL_HDFS_PORT`` and ``AFTERBELL_UI_PORT``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field

from afterbell.config.environment import ENV, HOME, JAVA_HOME, PLATFORM, PORTS
from afterbell.config.loader import Strict, config_folder, load_yaml
from afterbell.config.runtime import LakeLocation
from afterbell.errors import ConfigError

EMBEDDED = "embedded"
_MAX_PORT = 65535
_BUCKET = r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$"
_MARKET = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
Port = Annotated[int, Field(ge=0, le=_MAX_PORT)]


class S3Settings(Strict):
    """An S3 service: ``embedded``, ``aws``, or an address."""

    endpoint: str = Field(default=EMBEDDED, pattern=r"^(embedded|aws|https?://[^\s/@]+)$")
    region: str = Field(default="us-east-1", pattern=r"^[a-z0-9-]+$")
    feed_bucket: str = Field(default="afterbell-feed", pattern=_BUCKET)
    artifact_bucket: str = Field(default="afterbell-artifacts", pattern=_BUCKET)


class HdfsSettings(Strict):
    """A NameNode's WebHDFS address or ``embedded``, the user to act as, and the folder of the feed."""

    url: str = Field(default=EMBEDDED, pattern=r"^(embedded|https?://[^\s/@]+)$")
    user: str = Field(default="afterbell", pattern=r"^[a-z_][a-z0-9_-]*$")
    root: str = Field(default="/feed", pattern=r"^(/[A-Za-z0-9_-][A-Za-z0-9_.-]*)+$")


class LakeSettings(Strict):
    """The Iceberg catalog and its warehouse; ``embedded`` keeps both in the project's own folder."""

    catalog: str = Field(default=EMBEDDED, pattern=r"^(embedded|jdbc:[a-z]+:\S+)$")
    warehouse: str = Field(default=EMBEDDED, pattern=r"^(embedded|s3a://\S+|hdfs://\S+|file:/\S+)$")


class Ports(Strict):
    """Ports of the embedded services on 127.0.0.1; 0 takes any free one."""

    s3: Port = 0
    hdfs: Port = 0
    ui: Port = 0


class Platform(Strict):
    """The whole file.

    Attributes:
        exchange: code of the exchange whose sessions the platform follows.
        schedule: whether each session's run starts by itself, after the close.
        cluster: a profile of ``include/config/clusters``.
        s3: the object store of the price feed and of the artifacts.
        hdfs: the file system of reports and symbol masters.
        lake: the tables.
        ports: of the embedded services.
    """

    exchange: str = Field(default="XNYS", pattern=r"^[A-Z0-9]{4}$")
    schedule: bool = False
    cluster: str = Field(default="local", pattern=r"^[a-z][a-z0-9-]*$")
    s3: S3Settings = S3Settings()
    hdfs: HdfsSettings = HdfsSettings()
    lake: LakeSettings = LakeSettings()
    ports: Ports = Ports()

    def embedded_stores(self) -> tuple[str, ...]:
        """The stores among ``s3`` and ``hdfs`` that are started with the project."""
        addresses = {"s3": self.s3.endpoint, "hdfs": self.hdfs.url}
        return tuple(name for name, address in addresses.items() if address == EMBEDDED)

    def lake_location(self, home: Path) -> LakeLocation:
        """Catalog and warehouse; the embedded ones lie below ``home``."""
        catalog, warehouse = self.lake.catalog, self.lake.warehouse
        return LakeLocation(
            catalog=f"jdbc:sqlite:{home}/lake/catalog.db" if catalog == EMBEDDED else catalog,
            warehouse=f"file:{home}/lake/warehouse" if warehouse == EMBEDDED else warehouse,
        )


def load_platform(env: Mapping[str, str] | None = None) -> Platform:
    """Read the platform's file, with the ports that the environment overrides.

    Raises:
        ConfigError: the file or a variable is wrong; the message names it.
    """
    variables = os.environ if env is None else env
    named = variables.get(PLATFORM)
    platform = load_yaml(Path(named) if named else config_folder() / "platform.yaml", Platform)
    ports = {name: _port(variables, variable) for name, variable in PORTS.items()}
    given = {name: port for name, port in ports.items() if port is not None}
    return platform.model_copy(update={"ports": platform.ports.model_copy(update=given)})


def _port(env: Mapping[str, str], name: str) -> int | None:
    text = env.get(name, "")
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and int(text) <= _MAX_PORT):
        raise ConfigError(f"environment variable {name} is {text!r}: expected a port, 0 (any free one) to {_MAX_PORT}")
    return int(text)


def current_market(base: Path) -> str:
    """The market that the last demo ran on: markets are kept apart, each in a folder of ``<base>/var``."""
    try:
        name = (base / "current").read_text(encoding="utf-8", errors="replace").strip()
    except FileNotFoundError:
        return "default"
    return name if _MARKET.fullmatch(name) else "default"


@dataclass(frozen=True)
class Folders:
    """The folders of the platform on this machine.

    Attributes:
        root: the project.
        home: what runs leave behind: services, lake, reports, logs (``AFTERBELL_HOME``).
        env: what ``make setup`` made: Python environments, jars, the choice of Java (``AFTERBELL_ENV``).
    """

    root: Path
    home: Path
    env: Path

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> Folders:
        """The folders of this checkout, as the environment overrides them."""
        variables = os.environ if env is None else env
        root = Path(__file__).resolve().parents[3]
        base = root / ".afterbell"
        return cls(
            root=root,
            home=Path(variables.get(HOME) or base / "var" / current_market(base)).absolute(),
            env=Path(variables.get(ENV) or base / "env").absolute(),
        )

    @property
    def library(self) -> Path:
        """The folder of the library of this checkout: with ``AFTERBELL_ENV`` several share an environment."""
        return self.root / "include"

    @property
    def services(self) -> Path:
        """State, logs and data of the embedded services."""
        return self.home / "services"

    @property
    def spark_python(self) -> Path:
        """The Python of Spark's drivers and executors, and of the command line."""
        return self._made(self.env / "spark" / "bin" / "python")

    @property
    def airflow_python(self) -> Path:
        """The Python of Airflow."""
        return self._made(self.env / "airflow" / "bin" / "python")

    @property
    def weed(self) -> Path:
        """The S3 server's binary."""
        return self._made(self.env / "spark" / "bin" / "weed")

    @property
    def spark_home(self) -> Path:
        """The ``pyspark`` package's folder."""
        return self._made(self.env / "spark" / "lib" / "python3.11" / "site-packages" / "pyspark")

    @property
    def jars(self) -> list[Path]:
        """The jars that every Spark job loads, in the order of their names."""
        return self._jars(self.env / "jars")

    @property
    def hdfs_jars(self) -> list[Path]:
        """The jars that the embedded HDFS needs beside PySpark's own."""
        return self._jars(self.env / "jars-hdfs")

    def archive_options(self, name: str) -> list[str]:
        """Java's options to start from an archive of classes that set-up made; none where it could make none.

        Args:
            name: ``classes``, of drivers on this machine, or ``hdfs``, of the embedded HDFS.
        """
        archive = self.env / f"{name}.jsa"
        # One that doesn't fit (another Java, another class path) is ignored, and needs no message.
        return [f"-XX:SharedArchiveFile={archive}", "-Xshare:auto", "-Xlog:cds=off"] if archive.exists() else []

    @property
    def has_java(self) -> bool:
        """Whether there is such a Java: submitting alone needs none."""
        return bool(os.environ.get(JAVA_HOME)) or (self.env / "java_home").exists()

    @property
    def java_home(self) -> Path:
        """The Java that set-up chose, or ``AFTERBELL_JAVA_HOME``."""
        named = os.environ.get(JAVA_HOME)
        if named:
            return Path(named)
        return Path(self._made(self.env / "java_home").read_text(encoding="utf-8").strip())

    def _made(self, path: Path) -> Path:
        if not path.exists():
            raise ConfigError(f"{path} is missing: run `make setup`")
        return path

    def _jars(self, folder: Path) -> list[Path]:
        jars = sorted(folder.glob("*.jar"))
        if not jars:
            raise ConfigError(f"{folder} holds no jars: run `make setup`")
        return jars
