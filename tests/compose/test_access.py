"""Who reaches what in the containers: ports by network, S3 by key, the catalog by user. Nothing here stays."""

from __future__ import annotations

import socket
import ssl

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.compose.cluster import inspect
from tests.setup.test_compose_ports import OF_JOBS, table

pytestmark = pytest.mark.services
GREETING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"
"""How a client of gRPC begins (HTTP/2, RFC 9113, 3.4)."""
ALERT = b"\x15"
"""The first byte of an alert of TLS."""
FIRST_DRAWN = 32768
"""The lowest port that the kernel draws for programs that ask for any."""


def test_the_table_of_ports_has_whatever_a_container_listens_on(cluster):
    opened = {(port, service) for port, service in table() if not port.endswith("/udp")}
    for each in inspect(cluster.containers()):
        service = each["Config"]["Labels"]["com.docker.compose.service"]
        if not each["State"]["Running"]:
            continue
        named = {int(port) for port, name in opened if name == service and port != "random"}
        drawn = {port for port in cluster.listening(each["Id"]) if port >= FIRST_DRAWN and service in OF_JOBS}
        assert cluster.listening(each["Id"]) - drawn == named, service


@pytest.mark.parametrize("service", ["notebook", "airflow-api", "s3", "postgres", "spark-history", "history-page"])
def test_who_has_no_business_there_reaches_no_port_without_a_sign_in(cluster, service):
    """Neither by the name nor by an address of the container."""
    places = []
    for server, ports in (("spark-master", (6066, 8080)), ("namenode", (9870, 8020)), ("datanode-1", (9864,))):
        (container,) = inspect(cluster.containers(server))
        addresses = [network["IPAddress"] for network in container["NetworkSettings"]["Networks"].values()]
        places += [(host, port) for host in (server, *addresses) for port in ports]
    assert cluster.reached(service, places) == []


@pytest.mark.parametrize(
    ("service", "place"),
    [
        ("airflow-scheduler", ("spark-master", 6066)),
        ("airflow-triggerer", ("spark-master", 8080)),
        ("spark-worker", ("namenode", 9870)),
    ],
)
def test_who_submits_and_who_reads_drops_reaches_them(cluster, service, place):
    assert cluster.reached(service, [place]) == [place]


@pytest.mark.parametrize(
    ("user", "bucket", "rights"),
    [
        ("FEED", "afterbell-feed", "r"),
        ("FEED", "afterbell-lake", ""),
        ("DELIVERY", "afterbell-feed", "rw"),
        ("DELIVERY", "afterbell-artifacts", ""),
        ("LAKE", "afterbell-lake", "rw"),
        ("LAKE", "afterbell-artifacts", ""),
        ("RELEASES", "afterbell-artifacts", "rw"),
        ("RELEASES", "afterbell-lake", ""),
        ("NOTEBOOK", "afterbell-lake", "r"),
        ("NOTEBOOK", "afterbell-artifacts", "r"),
        ("NOTEBOOK", "afterbell-feed", ""),
    ],
)
def test_a_key_of_s3_opens_what_it_is_for(cluster, user, bucket, rights):
    client = s3_client(cluster, user)

    def allowed(action):
        try:
            action()
        except ClientError as error:
            if error.response["Error"]["Code"] != "AccessDenied":
                raise
            return False
        return True

    key = f"rights/{user}"
    assert allowed(lambda: client.list_objects_v2(Bucket=bucket, MaxKeys=1)) == ("r" in rights)
    assert allowed(lambda: client.put_object(Bucket=bucket, Key=key, Body=b"")) == ("w" in rights)
    assert allowed(lambda: client.delete_object(Bucket=bucket, Key=key)) == ("w" in rights)
    assert not allowed(lambda: client.create_bucket(Bucket=f"of-{user.lower()}"))


def test_nobody_adds_an_identity_by_the_port_beside_s3s(cluster):
    """It speaks TLS alone, and ends the connection of whoever shows no certificate of its own."""
    (container,) = inspect(cluster.containers("s3"))
    address = container["NetworkSettings"]["Networks"][f"{cluster.name}_stores"]["IPAddress"]
    with socket.create_connection((address, 18333), timeout=30) as plain:
        plain.sendall(GREETING)
        assert first_byte(plain) in {b"", ALERT}
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    with socket.create_connection((address, 18333), timeout=30) as bare, context.wrap_socket(bare) as stranger:
        assert first_byte(stranger) == b""


def first_byte(connection) -> bytes:
    """What the other side says first; empty where it ends the connection instead."""
    try:
        return connection.recv(1)
    except (ssl.SSLError, ConnectionError):
        return b""


def test_a_notebook_reads_the_catalog_and_cannot_change_it(cluster):
    ask = (
        "import psycopg2; c = psycopg2.connect('host=postgres dbname=lake user=notebook').cursor()\n"
        "c.execute(\"SELECT has_table_privilege(t.oid::regclass, 'INSERT, UPDATE, DELETE, TRUNCATE'), "
        "has_table_privilege(t.oid::regclass, 'SELECT') FROM pg_class t WHERE relkind = 'r' "
        "AND relnamespace = 'public'::regnamespace\"); print(sorted(set(c.fetchall())))"
    )
    assert cluster("exec", "-T", "notebook", "/opt/afterbell/env/spark/bin/python", "-c", ask).stdout.strip() in {
        "[(False, True)]", "[]",
    }  # fmt: skip


def s3_client(cluster, user):
    """A client with the keys of one of S3's users, from the host."""
    return boto3.client(
        "s3", endpoint_url=f"http://127.0.0.1:{cluster.variables['S3_PORT']}", region_name="us-east-1",
        aws_access_key_id=cluster.secret(f"S3_{user}_ACCESS_KEY"),
        aws_secret_access_key=cluster.secret(f"S3_{user}_SECRET_KEY"),
        config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
    )  # fmt: skip
