"""Names the image that all others are built on: ``python3 include/containers/base_image.py [.env]``.

AFTERBELL_BASE of the environment or of the file, else the one that ``Dockerfile`` names by its digest. Where that is
neither here nor to be fetched, it is this machine's own image of that name, whose content nobody has compared: a
warning on standard error reports that.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def pinned() -> str:
    """The default of ``Dockerfile``, ``NAME:TAG@sha256:DIGEST``."""
    names: list[str] = re.findall(r"^ARG BASE=(\S+)$", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    return names[0]


def base_image(settings: Path) -> str:
    """The base image, as it can be had here; ``settings`` is the file that Compose reads."""
    text = settings.read_text(encoding="utf-8") if settings.exists() else ""
    named = re.findall(r"^AFTERBELL_BASE=(\S+)$", text, re.MULTILINE)
    if chosen := os.environ.get("AFTERBELL_BASE") or (named[-1] if named else ""):
        return chosen
    pinned_image = pinned()
    if _docker("image", "inspect", pinned_image) or _docker("pull", pinned_image):
        return pinned_image
    local = pinned_image.partition("@")[0]
    if not _docker("image", "inspect", local):
        return pinned_image  # the build reports why it can't be fetched
    print(f"{pinned_image} can't be fetched: building on {local} as this machine has it", file=sys.stderr)
    return local


def _docker(*words: str) -> bool:
    try:
        done = subprocess.run(["docker", *words], capture_output=True, check=False)  # noqa: S607 - the user's own docker
    except OSError:
        return False
    return not done.returncode


if __name__ == "__main__":
    print(base_image(Path(sys.argv[1]) if sys.argv[1:] else ROOT / ".env"))
