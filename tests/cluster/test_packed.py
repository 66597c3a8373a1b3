"""Arguments as one word: nothing in them means anything to a shell."""

from __future__ import annotations

import re
import subprocess

import pytest

from afterbell.cluster.packed import packed, unpacked

HOSTILE = [
    "--session",
    "2016-06-30",
    "a b",
    "",
    "$(touch /tmp/x)",
    "`id`",
    '"quoted $(id)"',
    "'",
    "; rm -rf /\n",
    "{{ ds }}",
    "é💥",
]


def test_any_arguments_come_back_as_they_were():
    assert unpacked(packed(HOSTILE)) == HOSTILE


def test_a_shell_that_splits_and_expands_passes_them_on_whole():
    line = "printf '%s\\n' " + " ".join(packed(HOSTILE))
    seen = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=True).stdout.splitlines()
    assert unpacked(seen) == HOSTILE
    assert re.fullmatch(r"[A-Za-z0-9_-]+", packed(HOSTILE)[1])


def test_arguments_that_are_not_packed_stay():
    assert unpacked(["--session", "x"]) == ["--session", "x"]
    assert unpacked([]) == []


@pytest.mark.parametrize(
    "argv",
    [
        ["--packed"],
        ["--packed", "a", "b"],
        ["--packed", "e30"],
        ["--packed", "WzFd"],
        ["--packed", "é"],
        ["--packed", "$("],
    ],
)
def test_what_is_not_a_packed_list_of_texts_is_refused(argv):
    with pytest.raises(ValueError, match="--packed"):
        unpacked(argv)
