"""Fits as tasks of Celery, over a socket of Redis that only this measurement knows."""

from __future__ import annotations

import os

from celery import Celery

from afterbell.training.fan_out import Job
from bench.fit_pools import SOCKET, predict

_REDIS = f"redis+socket://{os.environ[SOCKET]}"

app = Celery("bench", broker=_REDIS, backend=_REDIS)
app.conf.update(task_serializer="pickle", result_serializer="pickle", accept_content=["pickle"])


@app.task
def fit(folder: str, job: Job) -> bytes:
    """The predictions of a fit."""
    return predict(folder, job)
