"""A real HDFS on this machine: one NameNode and one DataNode, on loopback alone.

The classes come from PySpark's own jars and ``hadoop-client-minicluster``.
"""

from __future__ import annotations

from pathlib import Path
from xml.sax.saxutils import escape

import requests

from afterbell.config.platform import Folders
from afterbell.embedded.hdfs_security import Identity, core_site, hdfs_site, identity, is_written, write_files
from afterbell.embedded.ports import LOOPBACK
from afterbell.embedded.service import Service, plain_environment
from afterbell.errors import StoreConfigError
from afterbell.stores.http import http_session
from afterbell.stores.retry import Timeouts

_NAMENODE = "org.apache.hadoop.hdfs.server.namenode.NameNode"
_DATANODE = "org.apache.hadoop.hdfs.server.datanode.DataNode"
_INNER_PORTS = ("rpc", "datanode", "datanode_ipc", "datanode_http", "datanode_pages")
_JAVA_OPTIONS = (
    "-Xms32m", "-Xmx256m", "-XX:+UseSerialGC", "-Djava.net.preferIPv4Stack=true", "-Dfile.encoding=UTF-8",
    # It starts often and seldom lives long: what is compiled slowly hardly ever pays.
    "-XX:TieredStopAtLevel=1",
)  # fmt: skip
_PROBE = ".afterbell-health"
_TIMEOUTS = Timeouts(connect=10.0, read=10.0)
_LOG4J = """\
rootLogger.level = warn
rootLogger.appenderRef.console.ref = console
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{yyyy-MM-dd HH:mm:ss} %p %c{1}: %m%n%ex
logger.hdfs.name = org.apache.hadoop.hdfs.server
logger.hdfs.level = info
logger.block.name = BlockStateChange
logger.block.level = warn
"""


class Hdfs(Service):
    """The file system with the feed's root folder, for its owner alone."""

    name = "hdfs"
    timeout = 120.0
    restart = 10.0

    def take_ports(self) -> dict[str, int]:
        """WebHDFS' port and the inner ones."""
        return {"hdfs": self.port("hdfs", self.context.platform.ports.hdfs)} | {
            name: self.port(name) for name in _INNER_PORTS
        }

    def launch(self) -> None:
        """Write the configuration, format the NameNode's folder once, start both daemons."""
        conf = self.folder / "conf"
        conf.mkdir(parents=True, exist_ok=True)
        (conf / "log4j2.properties").write_text(_LOG4J, encoding="utf-8")
        write_files(conf, self._owner)
        _write_xml(conf / "core-site.xml", self._core_site())
        _write_xml(conf / "hdfs-site.xml", self._hdfs_site())
        if not (self.folder / "name" / "current" / "VERSION").exists():
            self._format()
        self.spawn("namenode", self._java("namenode", _NAMENODE), self._env())
        self.spawn("datanode", self._java("datanode", _DATANODE), self._env())

    def _format(self) -> None:
        # The folder holds nothing yet, or what a first start that was killed left of it.
        self.run("format", [*self._java("format", _NAMENODE), "-format", "-force", "-nonInteractive"], self._env())

    def class_options(self, program: str) -> list[str]:  # noqa: ARG002 - set-up's rehearsal tells them apart
        """Java's options for where ``program`` (namenode, datanode, format) takes its classes from."""
        return self.context.folders.archive_options("hdfs")

    def _java(self, program: str, main: str) -> list[str]:
        java = self.context.folders.java_home
        opens = ["--add-opens=java.base/java.lang=ALL-UNNAMED"] if (java / "lib" / "modules").exists() else []
        path = [*class_path(self.context.folders), self.folder / "conf"]
        return [
            str(java / "bin" / "java"),
            *_JAVA_OPTIONS,
            *opens,
            *self.class_options(program),
            f"-Dlog4j2.configurationFile={self.folder / 'conf' / 'log4j2.properties'}",
            "-cp",
            ":".join(str(item) for item in path),
            main,
        ]

    def _env(self) -> dict[str, str]:
        # Whoever starts the NameNode is its superuser: the user that the platform acts as.
        return plain_environment() | {"HADOOP_USER_NAME": self._owner.user}

    @property
    def _owner(self) -> Identity:
        return identity(self.context.supervisor.folder)

    def is_current(self) -> bool:
        """Whether it is for its owner alone: one that a former version left running is not."""
        return is_written(self.folder / "conf", self._owner)

    def _core_site(self) -> dict[str, str]:
        return {
            "fs.defaultFS": f"hdfs://{LOOPBACK}:{self.ports['rpc']}",
            "hadoop.tmp.dir": str(self.folder / "tmp"),
            **core_site(self.folder / "conf"),
        }

    def _hdfs_site(self) -> dict[str, str]:
        def address(name: str) -> str:
            return f"{LOOPBACK}:{self.ports[name]}"

        return {
            "dfs.replication": "1",
            "dfs.namenode.name.dir": (self.folder / "name").as_uri(),
            "dfs.datanode.data.dir": (self.folder / "data").as_uri(),
            "dfs.namenode.rpc-address": address("rpc"),
            "dfs.namenode.http-address": address("hdfs"),
            "dfs.datanode.address": address("datanode"),
            "dfs.datanode.ipc.address": address("datanode_ipc"),
            "dfs.datanode.http.address": address("datanode_http"),
            "dfs.datanode.http.internal-proxy.port": str(self.ports["datanode_pages"]),
            "dfs.datanode.hostname": LOOPBACK,
            "dfs.namenode.datanode.registration.ip-hostname-check": "false",
            "dfs.heartbeat.interval": "1",
            "dfs.namenode.safemode.extension": "0",
            **hdfs_site(),
            "dfs.namenode.handler.count": "4",
            "dfs.datanode.handler.count": "4",
        }

    def trouble(self) -> str | None:
        """Why its owner cannot create a file below the feed's root, None if they can; creates the root."""
        if not self.ports:
            return "it was never started"
        hdfs, owner = self.context.platform.hdfs, self._owner
        base = f"http://{LOOPBACK}:{self.ports['hdfs']}/webhdfs/v1"
        with http_session(_TIMEOUTS, proxies=False, redirects=True) as session:
            session.params = {"user.name": owner.user}
            session.headers["Cookie"] = owner.cookie
            try:
                _call(session, "PUT", f"{base}{hdfs.root}", op="MKDIRS")
                _call(session, "PUT", f"{base}{hdfs.root}/{_PROBE}", op="CREATE", overwrite="true", data=b"ok")
                _call(session, "DELETE", f"{base}{hdfs.root}/{_PROBE}", op="DELETE")
            except (requests.RequestException, StoreConfigError) as error:
                return f"WebHDFS on port {self.ports['hdfs']}: {error}"
        return None


def class_path(folders: Folders) -> list[Path]:
    """The jars of both programs: an archive of classes is good for just these in this order, whatever comes after."""
    return [*folders.hdfs_jars, *sorted((folders.spark_home / "jars").glob("*.jar"))]


def _call(session: requests.Session, method: str, url: str, data: bytes | None = None, **params: str) -> None:
    answer = session.request(method, url, params=params, data=data)
    if not answer.ok:
        raise StoreConfigError(f"{params['op']} answered {answer.status_code}: {answer.text[:200]}")


def _write_xml(path: Path, properties: dict[str, str]) -> None:
    rows = [
        f"  <property><name>{name}</name><value>{escape(value)}</value></property>"
        for name, value in properties.items()
    ]
    path.write_text("\n".join(["<configuration>", *rows, "</configuration>", ""]), encoding="utf-8")
