"""The connections that the launcher makes are those that the operators read."""

import json

from afterbell.cluster.connections import connection_environment
from afterbell.cluster.profile import ClusterProfile

ENV = {
    "AFTERBELL_S3_ENDPOINT": "http://127.0.0.1:8333",
    "AFTERBELL_S3_REGION": "us-east-1",
    "AFTERBELL_FEED_BUCKET": "feed",
    "AFTERBELL_ARTIFACT_BUCKET": "artifacts",
    "AFTERBELL_HDFS_URL": "http://127.0.0.1:9870",
    "AFTERBELL_HDFS_USER": "afterbell",
    "AFTERBELL_HDFS_ROOT": "/feed",
    "AFTERBELL_LAKE_CATALOG": "jdbc:sqlite:/tmp/c.db",
    "AFTERBELL_LAKE_WAREHOUSE": "file:/tmp/w",
    "AWS_ACCESS_KEY_ID": "key",
    "AWS_SECRET_ACCESS_KEY": "canary-secret",
}

COOKIE = "hadoop.auth=u=ab&p=ab&t=kerberos&e=2111325115202&s=canary="


def test_the_spark_connection_carries_master_deploy_mode_and_profile():
    found = connection_environment(ENV, "standalone", ClusterProfile(master="spark://127.0.0.1:7077"))
    spark = json.loads(found["AIRFLOW_CONN_AFTERBELL_SPARK"])
    assert spark["host"] == "spark://127.0.0.1:7077"
    assert spark["extra"] == {"deploy-mode": "client", "profile": "standalone"}


def test_the_secret_stands_in_the_password_alone():
    found = connection_environment(ENV, "local", ClusterProfile(master="local[*]"))
    holders = [name for name, body in found.items() if "canary-secret" in body]
    assert holders == ["AIRFLOW_CONN_AFTERBELL_S3"]
    assert json.loads(found["AIRFLOW_CONN_AFTERBELL_S3"])["password"] == "canary-secret"


def test_the_cookie_of_the_embedded_hdfs_stands_in_the_password_alone():
    found = connection_environment(ENV | {"AFTERBELL_HDFS_COOKIE": COOKIE}, "local", ClusterProfile(master="local[*]"))
    assert [name for name, body in found.items() if COOKIE in body] == ["AIRFLOW_CONN_AFTERBELL_HDFS"]
    assert json.loads(found["AIRFLOW_CONN_AFTERBELL_HDFS"])["password"] == COOKIE


def test_a_bucket_with_keys_of_its_own_is_another_connection_and_the_general_keys_are_the_lakes():
    own = {
        "AFTERBELL_FEED_ACCESS_KEY": "feed", "AFTERBELL_FEED_SECRET_KEY": "feed-secret",
        "AFTERBELL_ARTIFACT_ACCESS_KEY": "artifacts", "AFTERBELL_ARTIFACT_SECRET_KEY": "artifacts-secret",
    }  # fmt: skip
    found = connection_environment(ENV | own, "local", ClusterProfile(master="local[*]"))
    passwords = {name: json.loads(body).get("password") for name, body in found.items() if "secret" in body}
    assert passwords == {
        "AIRFLOW_CONN_AFTERBELL_S3": "artifacts-secret",
        "AIRFLOW_CONN_AFTERBELL_S3_FEED": "feed-secret",
        "AIRFLOW_CONN_AFTERBELL_S3_LAKE": "canary-secret",
    }
