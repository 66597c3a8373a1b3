"""A framework that Mesos refuses ends with Mesos' reason; lines as libmesos and Spark write them."""

from __future__ import annotations

import pytest

from afterbell.cluster.managers import refusal_in
from afterbell.cluster.managers.mesos.refusal import refusal_reason, refusal_text

ABORTED = "org.apache.spark.SparkException: Error starting driver, DRIVER_ABORTED\n\tat org.apache.spark.X.y(X.scala)"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (
            "E1129 12:00:00.1 4242 sched.cpp:510] Master master@10.0.0.1:5050 refused authentication",
            "Master master@10.0.0.1:5050 refused authentication",
        ),
        (
            "26/11/29 12:00:00 ERROR MesosCoarseGrainedSchedulerBackend: Mesos error: Master refused authentication",
            "Master refused authentication",
        ),
        (
            "I1129 12:00:00 42 sched.cpp:1187] Got error 'Framework at scheduler-1@10.0.0.2:41 is not authenticated'",
            "Framework at scheduler-1@10.0.0.2:41 is not authenticated",
        ),
        (
            "ERROR MesosScheduler: Mesos error: Role 'nightly' is not present in the master's --roles",
            "Role 'nightly' is not present in the master's --roles",
        ),
        (
            "ERROR MesosCoarseGrainedSchedulerBackend: Mesos error: Framework has been removed",
            "Framework has been removed",
        ),
    ],
)  # fmt: skip
def test_the_reason_is_found_among_other_lines(line, reason):
    output = f"WARN Utils: another line\n{line}\n{ABORTED}\n"
    refusal = refusal_in(output)
    assert refusal_reason(output) == refusal.reason == reason
    assert refusal.by == "the Mesos master"
    assert refusal.add_to("ConfigError: refused") == f"ConfigError: refused\nMesos' reason: {reason}"


def test_a_message_that_has_the_reason_is_left_alone():
    message = refusal_text("mesos://m1:5050", "Master refused authentication", "spark.mesos.principal=a")
    assert refusal_in(f"Mesos error: Master refused authentication\n{ABORTED}").add_to(message) == message
    assert "Spark connection" in message


@pytest.mark.parametrize(
    "output", ["", "WARN TaskSchedulerImpl: Initial job has not accepted any resources", "Error: x"]
)
def test_what_was_not_refused_is_left_alone(output):
    assert refusal_in(output) is None


def test_a_refusal_without_a_reason_says_where_to_look():
    assert refusal_reason(ABORTED) == ""
    assert refusal_in(ABORTED).add_to("ConfigError: refused") == "ConfigError: refused"
    assert "is in the driver's stderr" in refusal_text("mesos://m1:5050", "", "")
