"""The embedded stores are real ones: conditional writes, WebHDFS, and Spark over s3a with the locked jars alone."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path
from typing import Any

import boto3
import psutil
import pytest
import requests
from botocore.exceptions import ClientError

from afterbell.embedded import stack
from tests.patience import LONG

pytestmark = pytest.mark.services

ROUND_TRIP = """
from afterbell.config.runtime import Runtime
from afterbell.lake.spark import lake_session
runtime = Runtime.from_env()
spark = lake_session(runtime, "round trip")
frame = spark.createDataFrame([(1, "a"), (2, "b"), (3, None)], "n int, s string")
frame.write.parquet("s3a://" + runtime.s3.artifact_bucket + "/round/trip")
back = spark.read.parquet("s3a://" + runtime.s3.artifact_bucket + "/round/trip")
spark.sql("CREATE NAMESPACE lake.probe")
frame.writeTo("lake.probe.rows").using("iceberg").create()
rows = sorted(map(tuple, spark.table("lake.probe.rows").collect()))
print("RESULT", sorted(map(tuple, back.collect())), rows, flush=True)
"""


def s3(services: Any) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=services.endpoints.s3_url,
        region_name="us-east-1",
        aws_access_key_id=services.endpoints.access_key,
        aws_secret_access_key=services.endpoints.secret_key,
    )


def test_s3_refuses_a_conditional_write_that_lost(services: Any) -> None:
    client, bucket = s3(services), services.runtime.s3.artifact_bucket
    client.put_object(Bucket=bucket, Key="pointer", Body=b"one", IfNoneMatch="*")
    with pytest.raises(ClientError, match="PreconditionFailed"):
        client.put_object(Bucket=bucket, Key="pointer", Body=b"two", IfNoneMatch="*")
    assert client.get_object(Bucket=bucket, Key="pointer")["Body"].read() == b"one"


def test_s3_lets_nobody_in_without_its_keys(services: Any) -> None:
    anonymous = requests.get(f"{services.endpoints.s3_url}/{services.runtime.s3.feed_bucket}", timeout=LONG)
    assert anonymous.status_code == 403
    path = services.folders.services / "credentials.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_keys_stand_in_no_command_line_and_no_log(services: Any) -> None:
    secret = services.endpoints.secret_key
    for status in stack.status(services.folders):
        assert secret not in status.log.read_text(errors="replace")
        for process in psutil.Process(status.pid).children(recursive=True):
            assert secret not in " ".join(process.cmdline())


def test_every_port_of_the_services_is_on_loopback(services: Any) -> None:
    for status in stack.status(services.folders):
        for process in psutil.Process(status.pid).children(recursive=True):
            listening = [item for item in process.net_connections("tcp") if item.status == psutil.CONN_LISTEN]
            assert listening
            assert {item.laddr.ip for item in listening} <= {"127.0.0.1", "::ffff:127.0.0.1"}


def test_the_feed_root_on_hdfs_belongs_to_the_user_that_the_platform_acts_as(services: Any) -> None:
    hdfs = services.runtime.hdfs
    url, owner = f"{hdfs.url}/webhdfs/v1{hdfs.root}?op=GETFILESTATUS", {"Cookie": hdfs.cookie}
    answer = requests.get(url, headers=owner, timeout=LONG)
    assert answer.json()["FileStatus"]["owner"] == hdfs.user
    assert answer.json()["FileStatus"]["type"] == "DIRECTORY"


def test_spark_writes_and_reads_over_s3a_and_in_the_lake_with_the_locked_jars_alone(
    services: Any, tmp_path: Path
) -> None:
    script = tmp_path / "round_trip.py"
    script.write_text(ROUND_TRIP)
    folders = services.folders
    env = {name: os.environ[name] for name in ("HOME", "PATH") if name in os.environ} | services.env
    env |= {
        "JAVA_HOME": str(folders.java_home),
        "SPARK_HOME": str(folders.spark_home),
        "PYSPARK_PYTHON": str(folders.spark_python),
        "PYSPARK_DRIVER_PYTHON": str(folders.spark_python),
        "SPARK_LOCAL_IP": "127.0.0.1",
    }
    argv = [str(folders.spark_home / "bin" / "spark-submit"), "--master", "local[1]"]
    argv += ["--jars", ",".join(str(jar) for jar in folders.jars), "--conf", "spark.ui.enabled=false"]
    argv += ["--conf", f"spark.jars.ivy={tmp_path / 'ivy'}", str(script)]
    done = subprocess.run(argv, env=env, cwd=tmp_path, capture_output=True, text=True, timeout=LONG, check=False)
    rows = [(1, "a"), (2, "b"), (3, None)]
    assert f"RESULT {rows} {rows}" in done.stdout, done.stderr[-3000:]
