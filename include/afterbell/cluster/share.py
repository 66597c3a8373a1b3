"""Copies the files of a driver to a share that the nodes can read.

Copies are named by their content: the same file is put once, a new one never takes the place of one that a driver is
still to read.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from afterbell.config.environment import HOME
from afterbell.config.runtime import Runtime
from afterbell.config.s3_keys import GENERAL, keys_of
from afterbell.errors import ConfigError, ObjectMissingError

Put = Callable[[str, Path], str]
"""Puts one file under a relative name, where it isn't yet, and returns its full address."""


def is_folder(share: str) -> bool:
    """Whether nodes read ``share`` as a local folder."""
    return share.startswith(("/", "file:/"))


def placed(share: str, files: Mapping[str, Path], environment: Mapping[str, str]) -> dict[str, str]:
    """Put ``files`` into ``share``; returns the address of each under its name.

    Args:
        share: a folder on all nodes, ``hdfs://`` or ``s3a://``; empty where all nodes have the same paths.
        files: by any name.
        environment: the variables of a step: how HDFS and S3 are reached from here, and the keys.

    Raises:
        ConfigError: nothing can be written there.
        StoreUnavailableError: the store did not answer.
    """
    if not share:
        return {name: str(path) for name, path in files.items()}
    put = _writer(share, environment)
    return {name: put(f"{_digest(path)}/{path.name}", path) for name, path in files.items()}


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()[:16]


def _writer(share: str, environment: Mapping[str, str]) -> Put:
    if is_folder(share):
        return _into_folder(Path("/" + share.removeprefix("file:").lstrip("/")))
    parts = urlsplit(share)
    if parts.scheme == "hdfs":
        return _into_hdfs(share.rstrip("/"), parts.path.rstrip("/"), environment)
    if parts.scheme == "s3a":
        return _into_s3(share.rstrip("/"), parts.netloc, parts.path.strip("/"), environment)
    raise ConfigError(f"share {share!r} cannot be written: it must be a folder, hdfs:// or s3a://")


def _into_folder(folder: Path) -> Put:
    def put(name: str, path: Path) -> str:
        target = folder / name
        if target.exists():
            return str(target)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=".")
            with os.fdopen(handle, "wb") as stream, path.open("rb") as source:
                shutil.copyfileobj(source, stream)
                os.fchmod(stream.fileno(), 0o644)  # the nodes may run as another user
            Path(temporary).rename(target)  # whole or not at all, whoever else writes it
        except OSError as error:
            raise ConfigError(f"share {folder}: {name} cannot be written ({error.strerror})") from error
        return str(target)

    return put


def _runtime(environment: Mapping[str, str]) -> Runtime:
    return Runtime.from_env({HOME: "."} | dict(environment))  # a folder that is not used here


def _into_hdfs(share: str, root: str, environment: Mapping[str, str]) -> Put:
    from afterbell.stores.hdfs import HdfsDropStore  # noqa: PLC0415

    known = _runtime(environment).hdfs
    store = HdfsDropStore(replace(known, root=root or "/"))

    def put(name: str, path: Path) -> str:
        try:
            store.status(name)
        except ObjectMissingError:
            store.put(name, path.read_bytes())
        return f"{share}/{name}"

    return put


def _into_s3(share: str, bucket: str, prefix: str, environment: Mapping[str, str]) -> Put:
    from afterbell.stores.artifacts import ArtifactStore  # noqa: PLC0415 - boto3 takes a third of a second

    location = replace(_runtime(environment).s3, artifact_bucket=bucket)
    # The nodes fetch from the share as they do from the lake, so it is the general pair that writes there.
    store = ArtifactStore(location, keys=keys_of(GENERAL, environment))

    def put(name: str, path: Path) -> str:
        key = f"{prefix}/{name}" if prefix else name
        if not store.exists(key):
            store.put(key, path.read_bytes())
        return f"{share}/{name}"

    return put
