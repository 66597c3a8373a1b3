"""A file system of a few megabytes that a test can fill up. To mount one takes root."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def may_mount() -> bool:
    """Whether one can be mounted here."""
    if os.geteuid() != 0 or not shutil.which("mount"):
        return False
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(_mount(Path(folder), 1), check=False, capture_output=True)
        if done.returncode == 0:
            subprocess.run(["umount", folder], check=True)
    return done.returncode == 0


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """A file system at ``folder``, which is made."""
    folder.mkdir()
    subprocess.run(_mount(folder, megabytes), check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def full(folder: Path, but: int = 0) -> Iterator[None]:
    """No byte is free on the disk of ``folder`` within the block, or ``but`` bytes are, to a page."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as stream, suppress(OSError):
        while True:
            stream.write(b"\0" * 4096)
    if but:
        os.truncate(ballast, ballast.stat().st_size - but)
    try:
        yield
    finally:
        ballast.unlink()


def _mount(folder: Path, megabytes: int) -> list[str]:
    return ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "none", str(folder)]
