"""Java starts from an archive of classes where set-up made one."""

from __future__ import annotations

from pathlib import Path

from afterbell.cluster.submission import driver_options
from afterbell.config.platform import Folders


def test_without_an_archive_java_gets_no_option_for_one(tmp_path: Path) -> None:
    folders = Folders(tmp_path, tmp_path, tmp_path)
    assert folders.archive_options("classes") == []
    assert "SharedArchive" not in driver_options(folders)


def test_an_archive_is_named_and_one_that_does_not_fit_is_passed_over_in_silence(tmp_path: Path) -> None:
    env = tmp_path / "an env"
    env.mkdir()
    (env / "classes.jsa").touch()
    folders = Folders(tmp_path, tmp_path, env)
    assert folders.archive_options("hdfs") == []
    assert folders.archive_options("classes") == [
        f"-XX:SharedArchiveFile={env}/classes.jsa", "-Xshare:auto", "-Xlog:cds=off",
    ]  # fmt: skip
    # Spark splits its options at spaces that stand outside of quotes.
    assert f'"-XX:SharedArchiveFile={env}/classes.jsa"' in driver_options(folders)
