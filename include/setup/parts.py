"""What the parts of the set-up share: progress, stamps, and running a program with a clean environment."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

PARTS = ("tools", "airflow", "spark", "java", "jars", "classes")
_PASSED_ON = (
    "HOME", "PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "USER", "LOGNAME",
    # How the network is reached, and nothing else of pip's and uv's settings: PIP_TARGET and its like would
    # install somewhere else.
    "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "no_proxy", "all_proxy",
    "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "PIP_CERT", "PIP_PROXY", "PIP_INDEX_URL",
    "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST", "PIP_DEFAULT_TIMEOUT", "UV_DEFAULT_INDEX", "UV_INDEX", "UV_INDEX_URL",
    "UV_CACHE_DIR", "UV_HTTP_TIMEOUT", "XDG_CACHE_HOME",
)  # fmt: skip
_CHUNK = 1 << 20


class SetupError(Exception):
    """A part could not be made: the message says what failed, where its log is and what to do."""


@dataclass
class Setup:
    """One run of the set-up.

    Attributes:
        env: the folder everything goes to.
        began: when it started, on the monotonic clock.
        worked: whether any part had to be made.
    """

    env: Path
    began: float = field(default_factory=time.monotonic)
    worked: bool = False

    def say(self, text: str) -> None:
        """Print one line of progress, with the seconds since the start."""
        print(f"[{time.monotonic() - self.began:6.1f} s] {text}", flush=True)

    def part(self, name: str, inputs: str, usable: Callable[[], bool], make: Callable[[], None]) -> None:
        """Make the part ``name``, unless a stamp shows that it was made from these ``inputs`` and it is ``usable``."""
        stamp = self.env / "stamps" / name
        record = {"inputs": inputs, "place": str(self.env)}
        if _read(stamp) == record and usable():
            return
        self.worked = True
        stamp.parent.mkdir(exist_ok=True)
        stamp.unlink(missing_ok=True)
        began = time.monotonic()
        make()
        temporary = stamp.with_suffix(".new")
        temporary.write_text(json.dumps(record), encoding="utf-8")
        temporary.replace(stamp)
        self.say(f"{name}: done in {time.monotonic() - began:.1f} s")

    def moved(self, name: str) -> bool:
        """Whether the part was made under another path: environments name their own path in their scripts."""
        stamp = _read(self.env / "stamps" / name)
        return bool(stamp) and stamp.get("place") != str(self.env)

    def is_complete(self, parts: Sequence[str] = PARTS) -> bool:
        """Whether each of ``parts`` was made once."""
        return all((self.env / "stamps" / name).exists() for name in parts)

    def run(self, part: str, argv: Sequence[str | Path], extra: dict[str, str] | None = None, hint: str = "") -> None:
        """Run one program, its output in the part's log.

        Raises:
            SetupError: it failed; the message carries the end of the log.
        """
        log = self.env / "logs" / f"{part}.log"
        log.parent.mkdir(exist_ok=True)
        with log.open("ab") as stream:
            done = subprocess.run(
                [str(item) for item in argv], env=clean_environment() | (extra or {}), stdin=subprocess.DEVNULL,
                stdout=stream, stderr=subprocess.STDOUT, check=False,
            )  # fmt: skip
        if done.returncode:
            tail = "\n".join("    " + line for line in log.read_text(errors="replace").splitlines()[-12:])
            raise SetupError(
                f"{part}: {Path(argv[0]).name} failed with status {done.returncode}.\n{tail}\n"
                f"  The whole log: {log}\n  What to do: {hint or 'read the log'}. Then run `make setup` again."
            )


NETWORK_HINT = (
    "check that this machine reaches the package index (behind a proxy set HTTPS_PROXY; with an index of your own set "
    "PIP_INDEX_URL and UV_DEFAULT_INDEX) and that the disk is not full"
)


def _read(stamp: Path) -> dict[str, str]:
    try:
        fields = json.loads(stamp.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return fields if isinstance(fields, dict) else {}


def clean_environment() -> dict[str, str]:
    """The caller's environment less everything that could change where or what is installed."""
    return {name: os.environ[name] for name in _PASSED_ON if os.environ.get(name)}


def file_digest(path: Path) -> str:
    """SHA-256 of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_CHUNK):
            digest.update(block)
    return digest.hexdigest()


def digest_of(items: Iterable[str | Path]) -> str:
    """One digest of several texts and files."""
    parts = [file_digest(item) if isinstance(item, Path) else item for item in items]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
