"""Check before a step begins: every store that it will need is there and accepts the credentials."""

from __future__ import annotations

import os

from afterbell.config.runtime import Runtime
from afterbell.config.s3_keys import ARTIFACTS, FEED, own_keys
from afterbell.stores.retry import Retry


def check_stores(runtime: Runtime) -> None:
    """Look up the feed bucket, the artifact bucket and the feed's root folder on HDFS: three requests, nothing is made.

    A wrong bucket is found here, and not when the result of an hour's work is to be written.

    Raises:
        StoreConfigError: one isn't there or may not be used; the message names the setting.
        StoreUnavailableError: one does not answer, up to the runtime's deadline.
    """
    from afterbell.stores.hdfs import HdfsDropStore  # noqa: PLC0415 - see afterbell.stores.factory
    from afterbell.stores.s3_bucket import Bucket  # noqa: PLC0415

    retry = Retry(until=runtime.deadline)
    for bucket, pair in ((runtime.s3.feed_bucket, FEED), (runtime.s3.artifact_bucket, ARTIFACTS)):
        Bucket(bucket, runtime.s3, retry, keys=own_keys(pair, os.environ)).require()
    HdfsDropStore(runtime.hdfs, retry).require()
