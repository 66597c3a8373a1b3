"""Which image the others are built on: the one that was chosen, the one named by its digest, or this machine's own."""

from __future__ import annotations

import subprocess
import sys

import pytest

from containers.base_image import ROOT, pinned

SCRIPT = ROOT / "include" / "containers" / "base_image.py"


@pytest.fixture
def answer(tmp_path):
    """The base where Docker has the images ``here`` and can fetch ``there``, and what is said of it."""

    def ask(here=(), there=(), env="", chosen=""):
        docker = tmp_path / "docker"
        lists = {"inspect": " ".join(here), "pull": " ".join(there)}
        docker.write_text(
            "#!/bin/sh\n"
            f'case "$1" in image) known="{lists["inspect"]}"; shift ;; *) known="{lists["pull"]}" ;; esac\n'
            'for image in $known; do [ "$image" = "$2" ] && exit 0; done\nexit 1\n'
        )
        docker.chmod(0o700)
        (tmp_path / "env").write_text(env)
        variables = {"PATH": str(tmp_path) + ":/usr/bin:/bin"} | ({"AFTERBELL_BASE": chosen} if chosen else {})
        words = [sys.executable, str(SCRIPT), str(tmp_path / "env")]
        done = subprocess.run(words, env=variables, capture_output=True, text=True, check=True)
        return done.stdout.strip(), done.stderr

    return ask


LOCAL = "debian:bookworm-slim"


@pytest.mark.parametrize(("here", "there"), [([pinned()], []), ([], [pinned()]), ([LOCAL], [pinned()])])
def test_the_pinned_one_is_taken_where_it_is_here_or_can_be_fetched(answer, here, there):
    assert answer(here, there) == (pinned(), "")


def test_without_a_registry_it_is_this_machines_own_and_that_is_said(answer):
    base, said = answer([LOCAL])
    assert base == LOCAL
    assert "can't be fetched" in said


def test_where_there_is_none_the_build_fails_on_the_pinned_one(answer):
    assert answer() == (pinned(), "")


@pytest.mark.parametrize(
    ("env", "chosen", "base"),
    [
        ("AFTERBELL_BASE=ours:1\n", "", "ours:1"),
        ("", "ours:2", "ours:2"),
        ("AFTERBELL_BASE=ours:1\n", "ours:2", "ours:2"),
    ],
)
def test_a_base_of_ones_own_is_taken_as_it_is(answer, env, chosen, base):
    assert answer([LOCAL], [pinned()], env, chosen) == (base, "")
