"""The context of a command: the platform's configuration, its folders, and reachable stores."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

from afterbell.cli.output import print_progress
from afterbell.config.platform import EMBEDDED, Folders, Platform, load_platform
from afterbell.config.runtime import HdfsLocation, Runtime, S3Location
from afterbell.embedded.stack import running, step_env
from afterbell.errors import ConfigError


@dataclass(frozen=True)
class Opened:
    """Stores that answer, and the environment that steps find them by (with the S3 keys)."""

    folders: Folders
    platform: Platform
    runtime: Runtime
    env: dict[str, str]


@contextmanager
def stores(*names: str, quiet: bool = False) -> Iterator[Opened]:
    """Open the stores ``names`` (``s3``, ``hdfs``): embedded ones that aren't running are started for the block.

    The S3 keys are put into this process's environment, where boto3 looks for them.
    """
    folders, platform = Folders.from_env(), load_platform()

    def report(message: str) -> None:
        if not quiet:
            print_progress(message)

    with running(folders, platform, names, on_progress=report) as endpoints:
        env = step_env(folders, platform, endpoints)
        if platform.s3.endpoint == EMBEDDED:
            _drop_shell_settings()
        os.environ.update(env)
        yield Opened(folders, platform, Runtime.from_env(env), env)


def _drop_shell_settings() -> None:
    """Take the AWS settings of the shell out of this process: they are about other stores than the project's own.

    A profile, a session token or a configuration file would otherwise go along with the embedded store's keys.
    """
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ |= {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}


def parse_day(text: str, name: str) -> date:
    """Parse a day that somebody typed.

    Raises:
        ConfigError: it is not a day; ``name`` is the option that it was given for.
    """
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ConfigError(f"{name} is {text!r}: give a day like 2026-06-30") from error


def lake_runtime() -> Runtime:
    """The lake alone, for questions that need no other store: nothing is started, no key is needed."""
    folders, platform = Folders.from_env(), load_platform()
    endpoint = platform.s3.endpoint if platform.s3.endpoint.startswith("http") else None
    s3 = S3Location(endpoint, platform.s3.region, platform.s3.feed_bucket, platform.s3.artifact_bucket)
    hdfs = HdfsLocation("", platform.hdfs.user, platform.hdfs.root)
    return Runtime(s3, hdfs, platform.lake_location(folders.home), folders.home)


@contextmanager
def open_lake(*, quiet: bool = False) -> Iterator[Runtime]:
    """The lake, for questions; the embedded S3 is started for the block, and only if the lake lies there."""
    platform = load_platform()
    if platform.lake.warehouse.startswith("s3") and platform.s3.endpoint == EMBEDDED:
        with stores("s3", quiet=quiet) as opened:
            yield opened.runtime
    else:
        yield lake_runtime()
