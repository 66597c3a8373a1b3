"""Apache Mesos: a master that offers its agents' resources, and Spark's dispatcher, which starts drivers on agents.

A driver in client mode registers with the master itself, by libmesos. The dispatcher has an agent fetch the
script into a sandbox and start ``bin/spark-submit`` there through a shell.
"""

from __future__ import annotations

from datetime import timedelta

from afterbell.cluster.managers.base import ClusterManager, Nodes
from afterbell.cluster.managers.mesos.drivers import by_task, executor_settings, keep_mesos_errors, session_error
from afterbell.cluster.managers.mesos.executors import executor_cause, executor_request, other_causes
from afterbell.cluster.managers.mesos.keys import OWNED, MesosKeys
from afterbell.cluster.managers.mesos.launch import FILES, launch_parts, submissions
from afterbell.cluster.managers.mesos.login import (
    PRINCIPAL,
    SECRET,
    check_submitter,
    login_secrets,
    open_doors,
    servers,
)
from afterbell.cluster.managers.mesos.place import driver_needs, place_cause
from afterbell.cluster.managers.mesos.refusal import ACCEPTANCE, refusal
from afterbell.cluster.managers.mesos.rules import properties, rest_address, rules
from afterbell.cluster.managers.mesos.sandbox import find_log
from afterbell.cluster.profile_keys import HOST

MANAGER = ClusterManager(
    name="mesos",
    title="Mesos",
    prefix="mesos://",
    pattern=rf"mesos://({HOST}|zk://{HOST}(,{HOST})*/\S+)",
    example="mesos://host:5050",
    keys=MesosKeys,
    owned=OWNED,
    rules=rules,
    secret_names=r"spark\.mesos\.(driver|executor)\.secret\.(names|filenames|envkeys)",  # noqa: S106 - a pattern of names
    properties=properties,
    # A secret of spark.authenticate is not among them, since each job makes its own: one that is sent along would show
    # on the pages.
    secrets=(PRINCIPAL, SECRET),
    public=(PRINCIPAL,),
    inherited=("MESOS_NATIVE_JAVA_LIBRARY", "LIBPROCESS_IP"),
    refusal=refusal,
    nodes=Nodes(
        servers=servers,
        rest_address=rest_address,
        check_submitter=check_submitter,
        open_doors=open_doors,
        login_secrets=login_secrets,
        executor_settings=executor_settings,
        files=FILES,
        launch_parts=launch_parts,
        submissions=submissions,
        forgets=timedelta(minutes=20),  # a restarted dispatcher lets the drivers run that it doesn't know
        find_log=find_log,
        executor_request=executor_request,
        executor_cause=executor_cause,
        other_causes=other_causes,
        driver_needs=driver_needs,
        place_cause=place_cause,
        driver_errors=keep_mesos_errors,
        session_error=session_error,
        by_task=by_task,
        acceptance=ACCEPTANCE,
    ),
)
