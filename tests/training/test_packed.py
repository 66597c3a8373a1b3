"""The packed format: the same parts give the same text, and no other text is opened."""

import hashlib
import json

import pytest

from afterbell.errors import PermanentError
from afterbell.training.packed import MAGIC, is_packed, pack, read_packed

PARTS = {"*": b"market", "AAA": b"one\n", "B": b""}
BODY = pack("groups", "ridge", PARTS, {"by": "symbol"})


def altered(**changes):
    """The text with another description, whose root fits."""
    line, _, bodies = BODY.removeprefix(MAGIC).partition(b"\n")
    content = {**json.loads(line), **changes}
    del content["root"]
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    content["root"] = hashlib.sha256(text.encode()).hexdigest()
    return MAGIC + json.dumps(content, sort_keys=True, separators=(",", ":")).encode() + b"\n" + bodies


def row(name, body):
    return [name, len(body), hashlib.sha256(body).hexdigest()]


TABLE = [row(name, PARTS[name]) for name in sorted(PARTS)]


def test_the_text_is_the_one_that_is_described():
    # By hand: the magic, the description in canonical JSON, the bodies in the order of the names.
    assert altered() == BODY
    assert BODY.endswith(b"\nmarketone\n")
    assert json.loads(BODY.split(b"\n")[1])["parts"] == TABLE


def test_parts_come_back_in_whatever_order_they_were_given():
    assert pack("groups", "ridge", dict(reversed(PARTS.items())), {"by": "symbol"}) == BODY
    packed = read_packed(BODY, "ridge")
    assert (packed.kind, packed.about, list(packed)) == ("groups", {"by": "symbol"}, ["*", "AAA", "B"])
    assert {name: packed.open(name) for name in packed} == PARTS
    assert "C" not in packed


def test_a_part_is_checked_when_it_is_opened_and_no_other():
    tampered = BODY.replace(b"\nmarketone\n", b"\nmarkerone\n")
    packed = read_packed(tampered, "ridge")
    assert packed.open("AAA") == b"one\n"
    with pytest.raises(PermanentError, match=r"part '\*' of a packed ridge model: expected SHA-256"):
        packed.open("*")


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"pickle", "begins with b'pickle'"),
        (MAGIC + b"{}", "does not end"),
        (MAGIC + b"{}\n", "Field required"),
        (MAGIC + b"[" * 100_000 + b"\n", "Invalid JSON"),
        (BODY[:-1], "add up to 10 bytes, found 9"),
        (BODY + b"x", "add up to 10 bytes, found 11"),
        (BODY.replace(b"symbol", b"column"), "root"),
        (altered(family="lightgbm"), "found lightgbm, expected ridge"),
        (altered(kind="pickle"), "kind"),
        (altered(parts=[]), "parts"),
        (altered(parts=[TABLE[0], TABLE[0]]), "must ascend"),
        (altered(parts=TABLE[::-1]), "must ascend"),
        (altered(parts=[["*", -6, TABLE[0][2]], ["A", 16, TABLE[1][2]]]), "greater than or equal to 0"),
        (altered(parts=[["*", 10**30, TABLE[0][2]]]), "add up to 1000"),
        (altered(parts=[["*", "10", TABLE[0][2]]]), "valid integer"),
        (altered(parts=[["*", 10, "no digest"]]), "match pattern"),
        (altered(about={"by": float("inf")}), "root"),
        (altered(parts=[row(f"{number:06}", b"") for number in range(100_001)]), "at most 100000"),
    ],
)
def test_no_other_text_is_opened(body, why):
    with pytest.raises(PermanentError, match=r"a packed model of .* was not opened") as caught:
        read_packed(body, "ridge")
    assert why in str(caught.value)


@pytest.mark.parametrize("parts", [{}, {"": b""}, {"x" * 101: b""}])
def test_nothing_is_written_that_can_not_be_read(parts):
    with pytest.raises(PermanentError):
        pack("ensemble", "ridge", parts)


def test_a_plain_model_is_not_a_packed_one():
    assert is_packed(BODY)
    assert not is_packed(b"{}")
