"""Jars: only the bytes that were locked are installed."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

from setup.jars import LOCK, Jar, check, make_jars, read_lock
from setup.parts import Setup, SetupError

BODY = b"not really a jar"
ROW = "jars org.example_thing-1.0.jar org.example:thing:1.0 {digest}\n"


def locked(tmp_path: Path, digest: str) -> Path:
    lock = tmp_path / "jars.lock"
    lock.write_text("# comment\n\n" + ROW.format(digest=digest))
    return lock


def test_a_jar_with_other_bytes_is_refused_with_both_digests(tmp_path: Path) -> None:
    path = tmp_path / "thing.jar"
    path.write_bytes(BODY)
    expected = hashlib.sha256(b"something else").hexdigest()
    with pytest.raises(SetupError) as error:
        check(path, Jar("jars", "org.example:thing:1.0", expected))
    assert expected in str(error.value)
    assert hashlib.sha256(BODY).hexdigest() in str(error.value)
    assert "not installed" in str(error.value)


def test_a_jar_with_the_locked_bytes_passes(tmp_path: Path) -> None:
    path = tmp_path / "thing.jar"
    path.write_bytes(BODY)
    check(path, Jar("jars", "org.example:thing:1.0", hashlib.sha256(BODY).hexdigest()))


def test_jars_that_are_there_already_are_adopted_without_the_network(tmp_path: Path) -> None:
    setup = Setup(tmp_path / "env")
    (setup.env / "jars").mkdir(parents=True)
    (setup.env / "jars" / "org.example_thing-1.0.jar").write_bytes(BODY)
    make_jars(setup, Path("/no/java"), locked(tmp_path, hashlib.sha256(BODY).hexdigest()))
    assert (setup.env / "stamps" / "jars").exists()


@pytest.mark.parametrize("damage", ["changed", "missing", "one too many"])
def test_a_folder_that_differs_from_the_lock_is_made_again(tmp_path: Path, damage: str) -> None:
    setup, lock = Setup(tmp_path / "env"), locked(tmp_path, hashlib.sha256(BODY).hexdigest())
    jar = setup.env / "jars" / "org.example_thing-1.0.jar"
    jar.parent.mkdir(parents=True)
    jar.write_bytes(BODY)
    make_jars(setup, Path("/no/java"), lock)
    if damage == "changed":
        jar.write_bytes(BODY + b"!")
    elif damage == "missing":
        jar.unlink()
    else:
        (jar.parent / "org.example_other-1.0.jar").write_bytes(BODY)
    with pytest.raises(OSError, match="spark-submit"):  # it sets out to fetch them; there is no Spark here
        make_jars(setup, Path("/no/java"), lock)
    assert not (setup.env / "stamps" / "jars").exists()


@pytest.mark.parametrize(
    "row",
    [
        "jars a_b-1.jar a:b:1",
        "lib a_b-1.jar a:b:1 00",
        "jars ../../evil.jar a:b:1 00",
        "jars a_b-2.jar a:b:1 00",
    ],
)
def test_a_lock_line_of_another_form_is_refused_with_its_number(tmp_path: Path, row: str) -> None:
    lock = tmp_path / "jars.lock"
    lock.write_text(f"# comment\n{row}\n")
    with pytest.raises(SetupError, match="line 2"):
        read_lock(lock)


def test_the_committed_lock_is_whole_and_names_no_address() -> None:
    jars = read_lock()
    assert "//" not in LOCK.read_text()
    assert all(re.fullmatch(r"[0-9a-f]{64}", jar.sha256) for jar in jars)
    assert [jar.coordinate for jar in jars if jar.folder == "jars-hdfs"] == [
        "org.apache.hadoop:hadoop-client-minicluster:3.3.4"
    ]
    spark = {jar.coordinate.split(":")[1] for jar in jars if jar.folder == "jars"}
    assert {"iceberg-spark-runtime-3.5_2.12", "sqlite-jdbc", "hadoop-aws", "aws-java-sdk-s3"} <= spark
    assert "aws-java-sdk-bundle" not in spark
