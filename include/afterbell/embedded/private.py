"""Files and folders that their owner alone may read."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

from afterbell.errors import ServiceError


def write_private(path: Path, text: str) -> None:
    """Write ``path`` whole, readable by its owner alone from its first byte on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    handle = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        stream.write(text)
    temporary.replace(path)


def own_folder(path: Path) -> None:
    """Make the folder ``path``, or close it, so that its owner alone may enter it and read what lies below."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = path.stat()
    if status.st_uid == os.getuid() and stat.S_IMODE(status.st_mode) & 0o077:
        path.chmod(0o700)


def read_json(path: Path, what: str) -> dict[str, str]:
    """Read ``path`` back as a mapping of texts.

    Raises:
        ServiceError: it does not hold what was written.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return {str(key): str(value) for key, value in content.items()}
    except (OSError, ValueError, AttributeError) as error:
        raise ServiceError(f"{path} does not hold {what}: `make down`, remove it, and start again") from error
