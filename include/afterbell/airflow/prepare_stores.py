"""Create the buckets and folders of the stores that are missing: ``python -m afterbell.airflow.prepare_stores``.

The Airflow connections name them; running it again changes nothing. A store that does not answer yet is tried again
for a few minutes.
"""

from __future__ import annotations

import os
import re
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from afterbell.airflow.connections import store_environment
from afterbell.config.environment import HOME
from afterbell.config.runtime import Runtime
from afterbell.config.s3_keys import ARTIFACTS, GENERAL, keys_of
from afterbell.errors import AfterbellError
from afterbell.stores.artifacts import ArtifactStore
from afterbell.stores.factory import drop_store

_PATIENCE = timedelta(minutes=3)


def prepare_stores(runtime: Runtime) -> list[str]:
    """Create what is missing; returns the places.

    Raises:
        StoreConfigError: a store refuses.
        StoreUnavailableError: it did not answer up to the runtime's deadline.
    """
    drop_store("s3", runtime).ensure()
    drop_store("hdfs", runtime).ensure()
    buckets = {runtime.s3.artifact_bucket: ARTIFACTS}
    if match := re.match(r"s3a://([^/]+)", runtime.lake.warehouse):
        buckets.setdefault(match[1], GENERAL)
    for bucket, pair in buckets.items():
        ArtifactStore(replace(runtime.s3, artifact_bucket=bucket), keys=keys_of(pair, os.environ)).ensure_bucket()
    return [*(f"s3://{name}" for name in (runtime.s3.feed_bucket, *buckets)), f"{runtime.hdfs.url}{runtime.hdfs.root}"]


def main() -> int:
    """Create the places and print them; returns the exit status."""
    try:
        environment = store_environment()
        os.environ.update(environment)  # where boto3 looks for the keys
        home = {HOME: os.environ.get(HOME) or "."}
        places = prepare_stores(Runtime.from_env(environment | home).until(datetime.now(UTC) + _PATIENCE))
    except AfterbellError as error:
        print(f"prepare_stores: {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    print(f"the stores are ready: {', '.join(places)}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
