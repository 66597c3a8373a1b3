"""The embedded HDFS, started once on a folder that is thrown away: Java notes the classes that its programs load.

Set-up runs it with the environments' folder and that folder; the lists and the class path go there.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from afterbell.config.platform import Folders, Platform
from afterbell.embedded.hdfs import Hdfs, class_path
from afterbell.embedded.process import Supervisor
from afterbell.embedded.service import ServiceContext


class _Noted(Hdfs):
    """Notes the classes that each program loads."""

    def class_options(self, program: str) -> list[str]:
        return ["-Xshare:off", f"-XX:DumpLoadedClassList={self.context.folders.home / program}.txt"]


def main(env: Path, folder: Path) -> None:
    """Start it, write and delete a file as every start does, and stop it."""
    folders = Folders.from_env({"AFTERBELL_ENV": str(env), "AFTERBELL_HOME": str(folder)})
    service = _Noted(ServiceContext(folders, Platform(), Supervisor(folders.services)))
    service.context.supervisor.use(service.name)  # its guards keep it for as long as this process lives
    try:
        service.start()
    finally:
        service.stop()
    loaded = {name for program in ("format", "namenode", "datanode") for name in _loaded(folder / f"{program}.txt")}
    (folder / "loaded.txt").write_text("\n".join(sorted(loaded)) + "\n", encoding="utf-8")
    path = os.pathsep.join(str(jar) for jar in class_path(folders))
    (folder / "class-path.txt").write_text(path, encoding="utf-8")


def _loaded(path: Path) -> list[str]:
    """The lines of one list without the numbers that hold in it alone; a class of an own loader needs its number."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line.partition(" id: ")[0] for line in lines if "source:" not in line and not line.startswith("#")]


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
