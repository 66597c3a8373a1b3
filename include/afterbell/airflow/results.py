"""What a step left behind: its result in the artifact store, or the reason of its failure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from airflow.sdk.exceptions import AirflowException, AirflowFailException

from afterbell.cluster.job import EXIT_PERMANENT, result_key
from afterbell.cluster.sizing import memory_hint
from afterbell.config.runtime import Runtime
from afterbell.stores.artifacts import ArtifactStore

_MESSAGE = re.compile(r"^\s*(?P<step>\w+): (?P<kind>\w+Error): (?P<text>.*)$", re.MULTILINE | re.DOTALL)
_STATUS = re.compile(rf"(Error code is|exit status):? {EXIT_PERMANENT}\b")
_NOISE = re.compile(r"^\d\d/\d\d/\d\d \d\d:\d\d:\d\d (INFO|WARN|ERROR) .*$")


def read_result(environment: Mapping[str, str], run: Mapping[str, Any], step: str) -> dict[str, Any]:
    """The JSON that ``step`` wrote into the artifact store at its end."""
    keys = (environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"])
    store = ArtifactStore(Runtime.from_env(environment).s3, keys=keys)
    body = store.get(result_key(date.fromisoformat(str(run["session"])), str(run["run_id"]), step))
    found: dict[str, Any] = json.loads(body)
    return found


def failure_of(step: str, error: Exception, *, attempt: int = 1, driver_memory: str = "its size") -> AirflowException:
    """The step's own message out of the tail of its log; permanent failures are not tried again.

    Want of memory comes with what to raise, and is tried once more at most: the next try rarely has more.

    Args:
        step: its name.
        error: what the submission ended with: the status, and the tail of the log.
        attempt: the number of this try, from 1.
        driver_memory: what the cluster profile gives the driver, for the hint.
    """
    text = str(error)
    found = _MESSAGE.search(text)
    if found and found["step"] == step:
        lines = [line for line in found["text"].splitlines() if not _NOISE.match(line.strip())]
        message, hint = f"{found['kind']}: " + "\n".join(line.rstrip() for line in lines).rstrip(), ""
    else:
        hint = memory_hint(text, driver_memory)
        message = f"{hint} (in the cluster profile)\n{text}" if hint else text
    final = _STATUS.search(text) or (hint and attempt > 1)
    kind = AirflowFailException if final else AirflowException
    return kind(f"step {step!r} failed: {message}")
