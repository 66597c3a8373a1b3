"""Parts of the set-up: made once, made again when something changed or broke, from a clean environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from setup.environments import pinned
from setup.parts import Setup, SetupError, clean_environment

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def setup(tmp_path: Path) -> Setup:
    return Setup(tmp_path)


def made(setup: Setup, inputs: str = "a", *, usable: bool = True) -> bool:
    """Whether the part ``probe`` was made by asking for it."""
    times: list[int] = []
    setup.part("probe", inputs, lambda: usable, lambda: times.append(1))
    return bool(times)


def test_a_part_is_made_once(setup: Setup) -> None:
    assert [made(setup), made(setup), made(setup)] == [True, False, False]


def test_a_part_is_made_again_when_its_inputs_change(setup: Setup) -> None:
    assert [made(setup, "a"), made(setup, "b"), made(setup, "b")] == [True, True, False]


def test_a_part_that_is_not_usable_is_made_again(setup: Setup) -> None:
    assert [made(setup), made(setup, usable=False)] == [True, True]


def test_a_part_that_broke_half_way_is_made_again(setup: Setup) -> None:
    def breaks() -> None:
        raise SetupError("the network went away")

    assert made(setup)
    with pytest.raises(SetupError):
        setup.part("probe", "b", lambda: True, breaks)
    assert [made(setup, "a"), made(setup, "a")] == [True, False]


def test_a_part_is_made_again_when_its_folder_was_moved(tmp_path: Path) -> None:
    before = tmp_path / "before"
    before.mkdir()
    assert made(Setup(before))
    before.rename(tmp_path / "after")
    assert Setup(tmp_path / "after").moved("probe")
    assert made(Setup(tmp_path / "after"))


def test_a_program_that_fails_shows_its_log_and_what_to_do(setup: Setup) -> None:
    with pytest.raises(SetupError) as error:
        setup.run("probe", ["/bin/sh", "-c", "echo no route to host; exit 6"], hint="plug the cable in")
    message = str(error.value)
    for part in ("status 6", "no route to host", "plug the cable in", str(setup.env / "logs" / "probe.log")):
        assert part in message


def test_leftovers_of_other_environments_are_not_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    leftovers = [
        "PYTHONPATH",
        "PYTHONHOME",
        "VIRTUAL_ENV",
        "PIP_TARGET",
        "PIP_USER",
        "PIP_PREFIX",
        "UV_PYTHON",
        "JAVA_OPTS",
    ]
    for name in leftovers:
        monkeypatch.setenv(name, "/elsewhere")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    found = clean_environment()
    assert not set(leftovers) & set(found)
    assert found["HTTPS_PROXY"] == "http://proxy:3128"


def test_the_entry_of_one_package_keeps_all_of_its_hashes(tmp_path: Path) -> None:
    locked = tmp_path / "r.txt"
    locked.write_text(
        "aa==1 \\\n    --hash=sha256:11\nuv==2 \\\n    --hash=sha256:22 \\\n    --hash=sha256:33\n    # via x\nzz==3\n"
    )
    assert pinned(locked, "uv") == "uv==2 \\\n    --hash=sha256:22 \\\n    --hash=sha256:33\n"
    with pytest.raises(SetupError, match="does not pin absent"):
        pinned(locked, "absent")


@pytest.mark.parametrize(
    "name",
    [
        "requirements.txt",
        "requirements-spark.txt",
        "requirements-qlib.txt",
        "requirements-pools.txt",
        "requirements-docs.txt",
        "requirements-dev.txt",
    ],
)
def test_the_locked_files_hash_every_package_and_name_no_index(name: str) -> None:
    text = (ROOT / name).read_text()
    entries = [line for line in text.splitlines() if "==" in line and not line.startswith((" ", "#"))]
    assert entries
    assert all(line.endswith("\\") for line in entries)
    assert "://" not in text
    assert "--index-url" not in text
