"""Airflow on this machine: four components as processes of their own, on loopback, behind a generated password.

``airflow standalone`` would leave orphans; these are guarded like every other service.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
from pathlib import Path

import requests

from afterbell.cluster.managers import registered
from afterbell.config.environment import CONFIG, ENV, HOME, PLATFORM
from afterbell.embedded.ports import LOOPBACK
from afterbell.embedded.private import read_json, write_private
from afterbell.embedded.service import Service, plain_environment
from afterbell.stores.http import http_session
from afterbell.stores.retry import Timeouts

USER = "admin"
_COMPONENTS = {
    "api-server": ["--host", LOOPBACK, "--workers", "1"],
    "scheduler": ["--skip-serve-logs"],  # all logs lie on this machine, where the API server reads them
    "dag-processor": [],
    "triggerer": ["--skip-serve-logs"],
}
_HEALTHY = ("metadatabase", "scheduler", "dag_processor", "triggerer")
_NETWORK = (
    "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy",
    "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "AWS_CA_BUNDLE",
)  # fmt: skip
_OURS = (
    CONFIG, PLATFORM, "JDK_JAVA_OPTIONS",
    *(name for manager in registered() for name in (*manager.inherited, *manager.secrets)),
)  # fmt: skip
"""The settings in force, and what drivers in client mode inherit from Airflow: docs/clusters.md."""

_PARALLEL_TASKS = 4
_TIMEOUTS = Timeouts(connect=10.0, read=10.0)


class Airflow(Service):
    """The scheduler and its pages, with the project's DAGs and plugins."""

    name = "airflow"
    timeout = 180.0
    restart = 20.0

    @property
    def home(self) -> Path:
        """AIRFLOW_HOME: database, logs, secrets."""
        return self.context.folders.home / "airflow"

    @property
    def password_file(self) -> Path:
        """The user's password, as ``{"admin": "..."}``; its owner alone reads it."""
        return self.home / "passwords.json"

    def take_ports(self) -> dict[str, int]:
        """The port of the pages and of the API."""
        return {"ui": self.port("ui", self.context.platform.ports.ui)}

    def is_current(self) -> bool:
        """Whether it runs with the environment (connections above all) that the caller wants it to have."""
        try:
            return bool(self.ports) and self._digest_file.read_text(encoding="utf-8") == self._digest()
        except FileNotFoundError:
            return False

    def launch(self) -> None:
        """Bring the database up to date, create the pools, and start the four components."""
        self.home.mkdir(parents=True, exist_ok=True)
        self.home.chmod(0o700)  # Airflow's database and logs are nobody else's
        env = self._environment()
        self.run("migrate", [str(self.context.folders.airflow_python), "-m", "afterbell.airflow.prepare"], env)
        write_private(self._digest_file, self._digest())
        for component, options in _COMPONENTS.items():
            port = ["--port", str(self.ports["ui"])] if component == "api-server" else []
            self.spawn(component, [*self._command(), component, *options, *port], env)

    def trouble(self) -> str | None:
        """The first unhealthy component by Airflow's health page; None if all are healthy."""
        if not self.ports:
            return "it was never started"
        url = f"http://{LOOPBACK}:{self.ports['ui']}/api/v2/monitor/health"
        with http_session(_TIMEOUTS, proxies=False, redirects=True) as session:
            try:
                answer = session.get(url)
                answer.raise_for_status()
                body = answer.json()
                states = {name: body[name]["status"] for name in _HEALTHY}
            except (requests.RequestException, KeyError, TypeError, ValueError) as error:
                return f"{url}: {error}"
        bad = sorted(name for name, state in states.items() if state != "healthy")
        return f"{url}: {', '.join(bad)} not healthy yet" if bad else None

    @property
    def _digest_file(self) -> Path:
        return self.folder / "environment.sha256"

    def _digest(self) -> str:
        text = json.dumps(self._environment(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def _command(self) -> list[str]:
        return [str(self.context.folders.airflow_python), "-m", "airflow"]

    def _environment(self) -> dict[str, str]:
        base = f"http://{LOOPBACK}:{self.ports['ui']}"
        root = self.context.folders.root
        passed = {name: os.environ[name] for name in (*_NETWORK, *_OURS) if name in os.environ}
        own = {
            HOME: str(self.context.folders.home),
            ENV: str(self.context.folders.env),
            "PYTHONPATH": str(self.context.folders.library),
            "AIRFLOW_HOME": str(self.home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(root / "dags"),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(root / "plugins"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__EXECUTOR": "afterbell.airflow.executor.SturdyExecutor",
            "AIRFLOW__CORE__PARALLELISM": str(_PARALLEL_TASKS),
            "AIRFLOW__CORE__HOSTNAME_CALLABLE": "socket.gethostname",  # asks no name server
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{base}/execution/",
            "AIRFLOW__CORE__AUTH_MANAGER": (
                "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager"
            ),
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "False",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(self.password_file),
            "AIRFLOW__API__HOST": LOOPBACK,
            "AIRFLOW__API__BASE_URL": base,
            # On a busy machine a writer of SQLite waits longer than the five seconds that it would by itself.
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{self.home}/airflow.db?timeout=60",
            "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(self.home / "logs"),
            "AIRFLOW__LOGGING__LOGGING_CONFIG_CLASS": "afterbell.airflow.logs.LOGGING",
            # Reading the DAGs takes seconds of a core. A file that changes is read at once in any case; what it reads
            # itself, such as the list of cluster profiles, is seen within this time.
            "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "180",
            "AIRFLOW__SCHEDULER__ENABLE_HEALTH_CHECK": "False",  # a port more, and one for all interfaces
            # A component that dies is started again, the API server in up to two minutes on a busy machine. Tasks live
            # through five without their API. What died unseen need not be waited for as long: the executor sees its
            # workers die, and a new scheduler takes over what the last one had.
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "300",
            "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "15",
            "AIRFLOW__WORKERS__MAX_FAILED_HEARTBEATS": "60",
            "AIRFLOW__WORKERS__EXECUTION_API_RETRIES": "75",
            "AIRFLOW__WORKERS__EXECUTION_API_RETRY_WAIT_MAX": "4",
            "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
            "NO_PROXY": f"{LOOPBACK},localhost",
            "no_proxy": f"{LOOPBACK},localhost",
        }
        return plain_environment() | passed | own | self._secrets() | dict(self.context.environment)

    def _secrets(self) -> dict[str, str]:
        """Keys made at random once and kept in files that their owner alone reads."""
        if not self.password_file.exists():
            write_private(self.password_file, json.dumps({USER: secrets.token_urlsafe(15)}))
        path = self.home / "secrets.json"
        if not path.exists():
            made = {
                "AIRFLOW__CORE__FERNET_KEY": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
                "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_urlsafe(48),
                "AIRFLOW__API__SECRET_KEY": secrets.token_urlsafe(48),
            }
            write_private(path, json.dumps(made))
        return read_json(path, "the secrets of the embedded Airflow")
