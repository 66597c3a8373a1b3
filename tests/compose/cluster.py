"""The containers of docker-compose.yaml under a project name of their own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from tests.airflow_api import AirflowApi

ROOT = Path(__file__).resolve().parents[2]
_LISTEN = "0A"
_LOOPBACK = {"0100007F", "0" * 24 + "01000000", "0000000000000000FFFF00000100007F", "0B00007F"}
"""127.0.0.1, ::1, the first as IPv6, and Docker's resolver."""
STEPS = ["open_run", "await_drops", "ingest", "validate", "features", "train", "evaluate", "publish", "score"]


def absent() -> str:
    """Why there is no Docker to start containers with; empty where there is."""
    if not shutil.which("docker"):
        return "docker is not installed"
    if subprocess.run(["docker", "info"], capture_output=True, check=False).returncode:
        return "no Docker daemon answers"
    return "" if compose_command() else "neither docker compose nor docker-compose is installed"


def compose_command() -> list[str]:
    """Compose v2, or 1.29; empty where there is neither."""
    if (
        shutil.which("docker")
        and not subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode
    ):
        return ["docker", "compose"]
    return ["docker-compose"] if shutil.which("docker-compose") else []


def volumes() -> set[str]:
    """The volumes on this machine, those without a name or an owner included."""
    return set(docker("volume", "ls", "--quiet").split())


@dataclass
class Cluster:
    """One project of Compose.

    Attributes:
        name: the project's.
        env_file: what ``make compose-env`` made.
        variables: settings beside those of the file.
    """

    name: str
    env_file: Path
    variables: dict[str, str]
    compose: list[str] = field(default_factory=compose_command)
    volumes_before: set[str] = field(default_factory=volumes)
    healthy_seconds: float = 0.0

    def __call__(self, *words: str, check: bool = True, quiet: bool = True) -> subprocess.CompletedProcess[str]:
        """``docker compose WORDS``; what it wrote is in the error, if it fails."""
        argv = [*self.compose, "--project-name", self.name, "--env-file", str(self.env_file), *words]
        done = subprocess.run(
            argv, cwd=ROOT, env=os.environ | self.variables, check=False, text=True,
            stdout=subprocess.PIPE if quiet else None, stderr=subprocess.PIPE if quiet else None,
        )  # fmt: skip
        if check and done.returncode:
            raise AssertionError(
                f"compose {' '.join(words)}: {(done.stderr or '')[-3000:]}{(done.stdout or '')[-3000:]}"
            )
        return done

    def secret(self, name: str) -> str:
        """One of the secrets that were made."""
        lines = self.env_file.read_text().splitlines()
        return next(line.partition("=")[2] for line in lines if line.startswith(f"{name}="))

    def containers(self, service: str = "") -> list[str]:
        """The ids of the project's containers, running or not."""
        asked = ["--filter", f"label=com.docker.compose.project={self.name}"]
        asked += ["--filter", f"label=com.docker.compose.service={service}"] if service else []
        return docker("ps", "--all", "--quiet", "--no-trunc", *asked).split()

    def left(self) -> dict[str, str]:
        """What there is of it on this machine, by kind."""
        label = f"label=com.docker.compose.project={self.name}"
        found = {
            "containers": docker("ps", "--all", "--quiet", "--filter", label),
            "volumes": docker("volume", "ls", "--quiet", "--filter", label),
            "networks": docker("network", "ls", "--quiet", "--filter", label),
        }
        found["nameless volumes"] = " ".join(volumes() - self.volumes_before)
        return {kind: names for kind, names in found.items() if names.strip()}

    def unhealthy(self) -> dict[str, str]:
        """The services that should run and don't, or are not healthy (yet)."""
        found = {}
        for each in inspect(self.containers()):
            state, name = each["State"], each["Name"].strip("/")
            if each["Config"]["Labels"].get("com.docker.compose.oneoff", "").lower() == "true":
                continue
            health = state.get("Health", {}).get("Status", "none")
            done = "prepare" in name and state["Status"] == "exited" and state["ExitCode"] == 0
            if not done and (state["Status"], health) != ("running", "healthy"):
                found[name] = f"{state['Status']}, {health}"
        return found

    def crash(self, container: str) -> None:
        """Kill what runs in ``container``, as a fault would: Docker's own ``kill`` would also call off its restart."""
        os.kill(inspect([container])[0]["State"]["Pid"], signal.SIGKILL)

    def command(self, *words: str, mount: Path | None = None) -> Any:
        """``afterbell WORDS --json`` in a container of its own; what it answers."""
        volumes = ["--volume", f"{mount}:/drops:ro"] if mount else []
        done = self("run", "--rm", "-T", *volumes, "afterbell", *words, "--json")
        return json.loads(done.stdout)

    def airflow(self) -> str:
        """The address of Airflow."""
        return f"http://127.0.0.1:{self.variables['AIRFLOW_PORT']}"

    def api(self) -> AirflowApi:
        """Airflow's, signed in as admin."""
        return AirflowApi(self.airflow(), self.secret("AIRFLOW_ADMIN_PASSWORD"), killed=True)

    def page(self, port: str, path: str) -> Any:
        """The JSON of a page on one of the ports, by the variable that names it, signed in."""
        user = ("afterbell", self.secret("PAGES_PASSWORD"))
        answer = requests.get(f"http://127.0.0.1:{self.variables[port]}{path}", auth=user, timeout=30)
        answer.raise_for_status()
        return answer.json()

    def master(self) -> Any:
        """What Spark's master tells, as those see it who submit to it."""
        ask = "import requests; print(requests.get('http://spark-master:8080/json/', timeout=30).text)"
        return json.loads(self("exec", "-T", "airflow-scheduler", "python", "-c", ask).stdout)

    def reached(self, service: str, places: list[tuple[str, int]]) -> list[tuple[str, int]]:
        """Those of ``places`` (host, port) that a program in a container of ``service`` gets a connection to."""
        (first, *_) = self.containers(service)
        # All at once: each that is kept out by its network is waited for to the end.
        tries = [f"(timeout 5 bash -c ': </dev/tcp/{host}/{port}' 2>/dev/null && echo {host} {port}) &"
                 for host, port in places]  # fmt: skip
        found = docker("exec", first, "bash", "-c", "\n".join([*tries, "wait"]))
        answered = {(host, int(port)) for host, port in (line.split() for line in found.splitlines())}
        return [place for place in places if place in answered]

    def listening(self, container: str) -> set[int]:
        """The TCP ports that are open beyond the container's own loopback, by the kernel's table."""
        found = docker("exec", container, "cat", "/proc/net/tcp", "/proc/net/tcp6")
        places = [line.split()[1].split(":") for line in found.splitlines() if line.split()[3] == _LISTEN]
        return {int(port, 16) for address, port in places if address not in _LOOPBACK}


def docker(*words: str) -> str:
    """What ``docker WORDS`` writes."""
    return subprocess.run(["docker", *words], capture_output=True, text=True, check=True).stdout


def inspect(containers: list[str]) -> list[dict[str, Any]]:
    """What Docker knows of each."""
    found: list[dict[str, Any]] = json.loads(docker("inspect", *containers)) if containers else []
    return found


def secrets_file(folder: Path) -> Path:
    """What ``make compose-env`` makes."""
    path = folder / "env"
    subprocess.run([sys.executable, str(ROOT / "include" / "containers" / "compose_env.py"), str(path)], check=True)
    return path
