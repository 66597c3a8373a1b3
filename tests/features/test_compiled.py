"""Compiled kernels that the next process finds again, wherever the library lies, and those it must not take."""

from __future__ import annotations

import inspect
import json
import os
import pickle
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest
from pyspark import cloudpickle

from afterbell.features.compiled import (
    Kernel,
    _is_ours,
    cache_folder,
    compiled,
    kernel,
    sources_digest,
    used_modules,
)
from afterbell.features.kernels import candle, liquidity
from tests.conftest import ROOT

ASK = """
import json
import numpy as np
from afterbell.features.kernels.candle import gap
out = np.empty((1, 1, 1))
gap.function(np.array([[11.0], [9.0]]), np.array([[12.0], [10.0]]), np.array([0]), out)
stats = gap.function.stats
print(json.dumps([round(out.item(), 6), sum(stats.cache_hits.values()), stats.cache_path]))
"""
CANDLE = "afterbell/features/kernels/candle.py"


@dataclass(frozen=True)
class Asked:
    """What a fresh process answered: 0.1 by the code as it is; whether it found the kernel compiled, and where."""

    answer: float
    found: bool
    folder: Path | None


def ask(library: Path, kept: Path, home: Path) -> Asked:
    env = {"PYTHONPATH": str(library), "AFTERBELL_KERNEL_CACHE": str(kept), "HOME": str(home)}
    done = subprocess.run([sys.executable, "-c", ASK], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    answer, hits, folder = json.loads(done.stdout)
    return Asked(answer, hits == 1, folder and Path(folder))


def files(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library as an archive, as executors get it."""
    archive = tmp_path_factory.mktemp("archive") / "afterbell.zip"
    sources = ROOT / "include"
    with zipfile.ZipFile(archive, "w") as found:
        for path in sorted((sources / "afterbell").rglob("*.py")):
            found.write(path, path.relative_to(sources))
    return archive


def unpacked(library: Path, folder: Path) -> Path:
    shutil.unpack_archive(library, folder)
    return folder


@pytest.fixture(scope="module")
def kept(library: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder where a first process left the compiled kernel."""
    folder = tmp_path_factory.mktemp("kept") / "kernels"
    first = ask(library, folder, folder / "home")
    assert (first.answer, first.found) == (0.1, False)
    assert first.folder is not None
    assert first.folder.parent == folder
    assert len(files(first.folder)) == 2  # Numba's index and the code
    return folder


def test_a_process_that_has_the_library_elsewhere_finds_the_kernel_and_writes_nothing(
    library: Path, kept: Path, tmp_path: Path
) -> None:
    before = files(kept)
    asked = ask(unpacked(library, tmp_path / "elsewhere"), kept, tmp_path)
    assert (asked.answer, asked.found) == (0.1, True)
    assert files(kept) == before


def test_an_archive_of_another_name_and_time_finds_the_kernel_and_writes_nothing(
    library: Path, kept: Path, tmp_path: Path
) -> None:
    before = files(kept)
    asked = ask(Path(shutil.copyfile(library, tmp_path / "other.zip")), kept, tmp_path)
    assert (asked.answer, asked.found) == (0.1, True)
    assert files(kept) == before


def test_a_kernel_whose_source_has_changed_is_compiled_anew(library: Path, kept: Path, tmp_path: Path) -> None:
    other = unpacked(library, tmp_path / "other")
    source = (other / CANDLE).read_text(encoding="utf-8")
    assert source.endswith("close[1, lane] - 1.0\n")
    (other / CANDLE).write_text(source.replace("close[1, lane] - 1.0\n", "close[1, lane] - 2.0\n"), encoding="utf-8")
    asked = ask(other, kept, tmp_path)
    assert (asked.answer, asked.found) == (-0.9, False)


def test_without_a_folder_that_can_be_written_kernels_are_compiled_and_kept_nowhere(
    library: Path, tmp_path: Path
) -> None:
    blocked = tmp_path / "a file"
    blocked.write_text("", encoding="utf-8")
    asked = ask(library, blocked / "kernels", blocked / "home")
    assert asked == Asked(0.1, found=False, folder=None)
    assert list(tmp_path.iterdir()) == [blocked]


@pytest.mark.parametrize("mode", [0o770, 0o707])
def test_code_that_others_could_have_written_is_not_run(library: Path, kept: Path, mode: int, tmp_path: Path) -> None:
    copied = Path(shutil.copytree(kept, tmp_path / "kernels"))
    for folder in copied.iterdir():
        folder.chmod(mode)
    asked = ask(library, copied, tmp_path / "home")
    assert asked == Asked(0.1, found=False, folder=None)


@pytest.mark.parametrize(("mode", "taken"), [(0o777, False), (0o1777, True)], ids=["open to all", "sticky"])
def test_a_folder_where_others_could_replace_ours_is_not_used(
    library: Path, kept: Path, mode: int, taken: bool, tmp_path: Path
) -> None:
    copied = Path(shutil.copytree(kept, tmp_path / "shared" / "kernels"))
    copied.parent.chmod(mode)
    asked = ask(library, copied, tmp_path / "home")
    assert (asked.answer, asked.found) == (0.1, taken)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder away")
def test_a_folder_in_one_that_is_anothers_is_not_ours(tmp_path: Path) -> None:
    folder = tmp_path / "theirs" / "kernels"
    folder.mkdir(mode=0o700, parents=True)
    assert _is_ours(folder)
    os.chown(folder.parent, 12345, -1)
    assert not _is_ours(folder)


def test_the_folder_is_the_users_own_unless_one_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AFTERBELL_KERNEL_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/home/ada")
    assert cache_folder() == Path("/home/ada/.cache/afterbell/kernels")
    monkeypatch.setenv("XDG_CACHE_HOME", "/cache")
    assert cache_folder() == Path("/cache/afterbell/kernels")
    monkeypatch.setenv("AFTERBELL_KERNEL_CACHE", "/named")
    assert cache_folder() == Path("/named")


@pytest.mark.parametrize(
    ("module", "changes"),
    [("kernels.liquidity", True), ("kernels.level", True), ("compiled", True), ("kernels.trend", False)],
)
def test_a_kernel_is_stale_when_a_module_changes_that_it_uses(
    module: str, changes: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = inspect.getsource

    def getsource(of: ModuleType) -> str:
        return plain(of) + ("# more\n" if of.__name__ == f"afterbell.features.{module}" else "")

    digest = sources_digest.__wrapped__
    before = digest(liquidity.__name__)
    monkeypatch.setattr(inspect, "getsource", getsource)
    assert (digest(liquidity.__name__) != before) is changes


def test_a_module_uses_those_it_imports_from_in_this_room() -> None:
    # ``grid`` for the names of types alone: a constant would be imported in the same way.
    rooms = {name.removeprefix("afterbell.features.") for name in used_modules(liquidity.__name__)}
    assert rooms == {"kernels.liquidity", "kernels.level", "compiled", "grid"}


def test_a_function_from_outside_the_room_is_compiled_and_not_kept() -> None:
    def twice(x: float) -> float:
        return 2.0 * x

    found = compiled(twice)
    assert found(1.5) == 3.0
    assert found.stats.cache_path is None  # type: ignore[attr-defined]


def test_a_kernel_says_what_it_is() -> None:
    @kernel(answers=2)
    def halves(x: float) -> None:
        """Nothing."""

    assert isinstance(halves, Kernel)
    assert (halves.name, halves.answers, halves.module) == ("halves", 2, __name__)


def test_sums_keep_the_order_in_which_they_are_written() -> None:
    def total(big: float, small: float) -> float:
        return (big + small) - big

    # Fast mathematics would say 1: the sum of 1e16 and 1 is not among the doubles.
    assert compiled(total)(1e16, 1.0) == 0.0


def test_a_kernel_that_is_sent_to_a_worker_is_the_workers_own() -> None:
    """Spark's workers get it by cloudpickle; Numba by itself would have each of them compile it from the text."""
    assert pickle.loads(cloudpickle.dumps(candle.gap)) is candle.gap  # noqa: S301 - made here
