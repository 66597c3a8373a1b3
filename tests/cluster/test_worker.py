"""What a task leaves to the next one in its Python process."""

import importlib
import sys
import zipfile
from pathlib import Path

import pytest

from afterbell.cluster.worker import keep_archives


def archive_with(path: Path, module: str) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{module}.py", "ANSWER = 42\n")
    return path


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("pyspark.zip", True), ("py4j-0.10.9.7-src.zip", True), ("afterbell-0123456789abcdef.zip", True),
        ("spark-core_2.12-3.5.9.jar", True), ("mine.jar", False),
        ("mine.zip", False), ("afterbell-mine.zip", False), ("notpyspark.zip", False),
    ],
)  # fmt: skip
def test_only_archives_that_never_change_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, *, kept: bool
) -> None:
    module = f"of_{name.replace('-', '_').replace('.', '_')}"
    archive = archive_with(tmp_path / name, module)
    monkeypatch.syspath_prepend(str(archive))
    assert importlib.import_module(module).ANSWER == 42

    keep_archives()
    archive_with(archive, "another")
    importlib.invalidate_caches()

    known = sys.path_importer_cache[str(archive)]
    assert (known.find_spec(module) is not None, known.find_spec("another") is None) == (kept, kept)
