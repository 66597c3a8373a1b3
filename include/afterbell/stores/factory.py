"""The store of drops of a kind, from what a step reads from its environment."""

from __future__ import annotations

from afterbell.config.runtime import Runtime
from afterbell.errors import ConfigError
from afterbell.stores.protocols import DropStore, StoreKind
from afterbell.stores.retry import Retry


def drop_store(kind: StoreKind, runtime: Runtime) -> DropStore:
    """The store that a source of the kind ``kind`` delivers to; it tries again up to the runtime's deadline.

    Raises:
        ConfigError: ``kind`` is neither ``s3`` nor ``hdfs``.
    """
    retry = Retry(until=runtime.deadline)
    # The clients are imported when needed: boto3 alone takes a third of a second.
    if kind == "s3":
        from afterbell.stores.s3 import S3DropStore  # noqa: PLC0415

        return S3DropStore(runtime.s3, retry)
    if kind == "hdfs":
        from afterbell.stores.hdfs import HdfsDropStore  # noqa: PLC0415

        return HdfsDropStore(runtime.hdfs, retry)
    raise ConfigError(f"store {kind!r} is not known: use s3 or hdfs")
