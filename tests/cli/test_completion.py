"""Completion in a real bash: the script that ``./afterbell completion bash`` prints, sourced, and asked as Tab asks."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.cli.parser import commands, groups, options

ROOT = Path(__file__).resolve().parents[2]
_ASK = """
source <(./afterbell completion bash)
read -ra COMP_WORDS <<< "$LINE"
[[ "$LINE" == *" " ]] && COMP_WORDS+=("")
COMP_CWORD=$(( ${#COMP_WORDS[@]} - 1 ))
function=$(complete -p afterbell | sed 's/.*-F \\([^ ]*\\).*/\\1/')
"$function" "${COMP_WORDS[0]}" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""


def run_shell(*argv: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        argv, cwd=ROOT, env={**os.environ, **env}, capture_output=True, text=True, check=True, timeout=300
    )


def complete(line: str) -> list[str]:
    """What bash offers after ``line``, in their order."""
    done = run_shell("bash", "--norc", "-c", _ASK, LINE=line)
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("./afterbell rel", ["release"]),
        ("./afterbell release ro", ["rollback"]),
        ("./afterbell run --ses", ["--session"]),
        ("./afterbell run --profile mesos-cl", ["mesos-client", "mesos-cluster"]),
        ("./afterbell features --set alpha1", ["alpha158"]),
        ("./afterbell backfill plan --step f", ["features"]),
        ("./afterbell completion ", ["bash", "zsh"]),
        ("./afterbell nosuch", []),
    ],
)
def test_bash_completes_commands_options_and_values(line, offered):
    assert sorted(complete(line)) == offered


def test_after_the_name_bash_offers_every_command_and_no_other_word():
    assert set(complete("./afterbell ")) == {name for name in commands() if " " not in name} | set(groups())


def test_a_command_offers_all_of_its_options():
    assert set(complete("./afterbell backfill run --")) == options(commands()["backfill run"])


def test_a_program_that_is_not_set_up_completes_nothing_and_says_nothing(tmp_path):
    script = run_shell("./afterbell", "completion", "bash").stdout
    (tmp_path / "script").write_text(script, encoding="utf-8")
    ask = _ASK.replace("<(./afterbell completion bash)", str(tmp_path / "script"))
    done = run_shell("bash", "--norc", "-c", ask, LINE="/nowhere/afterbell rel")
    assert (done.stdout.strip(), done.stderr) == ("", "")


def test_the_script_is_there_as_json_too():
    told = json.loads(run_shell("./afterbell", "completion", "zsh", "--json").stdout)
    assert told["shell"] == "zsh"
    assert told["script"].startswith("#compdef afterbell\n")


@pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not installed here")
def test_zsh_takes_the_script():
    ask = 'autoload -Uz compinit; compinit -u -D; source <(./afterbell completion zsh); print "$_comps[afterbell]"'
    assert run_shell("zsh", "-f", "-c", ask).stdout.strip() == "_afterbell_completion"


def test_the_words_for_zsh_are_what_its_script_evaluates():
    told = run_shell("./afterbell", _AFTERBELL_COMPLETE="complete_zsh", _TYPER_COMPLETE_ARGS="./afterbell rel").stdout
    assert told.startswith("_arguments '*: :((")
    assert '"release":"' in told
