"""A small platform for journeys: three sessions that are yet to be run, a browser, and a picture of every step."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import quote

import boto3
import yaml
from selenium import webdriver

from afterbell.cli.market import write_folder
from afterbell.config.platform import Folders, Platform
from afterbell.embedded import stack
from afterbell.embedded.endpoints import Endpoints
from afterbell.simulation.feed import deliveries
from afterbell.simulation.layout import price_key
from afterbell.simulation.market import MarketSpec, simulate
from tests.airflow.hook_server import HookServer
from tests.airflow_api import AirflowApi, password_of
from tests.browser import chromium, emulate, wait_until
from tests.clusters.profiles import config_with
from tests.command_line import CommandLine
from tests.pipeline import looking
from tests.pipeline.conftest import stores_of
from tests.small import SESSIONS, SYMBOLS, edit, small_config

FIRST, SECOND, THIRD = date(2026, 6, 26), date(2026, 6, 29), date(2026, 6, 30)
"""The last sessions of the market. Prices of the second and the third are not delivered yet."""


def told_config(folder: Path) -> Path:
    """The project's configuration for a small market, with a webhook that is told of all."""
    config = small_config(config_with(folder))
    notices = yaml.safe_load((config / "sla.yaml").read_text())["notices"]
    told = {"kinds": ["failure", "success", "held"], "notifier": "afterbell.airflow.notifiers.WebhookNotifier"}
    edit(config / "sla.yaml", {"notices": [*notices, told]})
    return config


@dataclass
class Walk:
    """Somebody at the screen.

    Attributes:
        browser: signed in.
        api: to look at what came of it, never to do anything.
        hook: who is told by webhook.
        prices: the drop of each session, as the vendor delivers it.
        pictures: folder of the pictures, in the order in which they were taken.
        home: that of the platform.
    """

    browser: webdriver.Chrome
    api: AirflowApi
    hook: HookServer
    endpoints: Endpoints
    prices: dict[date, bytes]
    pictures: Path
    home: Path
    _taken: int = field(default=0)

    def page(self, path: str) -> str:
        """The address of one of our pages."""
        return f"{self.api.url}/afterbell/{path}"

    def task(self, dag: str, run: str, task: str) -> str:
        """The address of a task's page in Airflow."""
        return f"{self.api.url}/dags/{dag}/runs/{quote(run, safe='')}/tasks/{task}"

    def sees(self, *texts: str) -> None:
        """Wait until the page says all of this, without anybody loading it again, and take a picture."""
        told = "const said = document.body.innerText; return arguments[0].every(each => said.includes(each));"
        wait_until(self.browser, told, f"the page says {texts}", list(texts))
        self.shoot(texts[0])

    def shoot(self, what: str) -> None:
        """Take a picture."""
        self._taken += 1
        name = "".join(each if each.isalnum() else "-" for each in what.lower())[:40].strip("-")
        (self.pictures / f"{self._taken:02d}-{name}.png").write_bytes(self.browser.get_screenshot_as_png())

    def told(self, run: str, kind: str) -> dict[str, Any]:
        """The notice of a run, once it has come."""
        for _ in range(6000):
            for each in self.hook.notices:
                if (each["run_id"], each["kind"]) == (run, kind):
                    return dict(each)
            _PAUSE.wait(0.1)
        raise AssertionError(f"nobody was told {kind} of {run}")

    def deliver(self, session: date, body: bytes | None) -> None:
        """Put the price drop of a session where the vendor puts it; None takes it away."""
        client = boto3.client(
            "s3", endpoint_url=self.endpoints.s3_url, region_name="us-east-1",
            aws_access_key_id=self.endpoints.access_key, aws_secret_access_key=self.endpoints.secret_key,
        )  # fmt: skip
        place = {"Bucket": Platform().s3.feed_bucket, "Key": price_key(session)}
        client.delete_object(**place) if body is None else client.put_object(**place, Body=body)


_PAUSE = threading.Event()  # never set: waiting on it is a pause between questions


def _deliver(command: CommandLine, folder: Path) -> dict[date, bytes]:
    """Deliver the market but for the prices that come later; those of all three sessions."""
    market = simulate(MarketSpec(symbols=SYMBOLS, sessions=SESSIONS, last_session=THIRD, faults=False))
    made = list(deliveries(market))
    later = {price_key(SECOND), price_key(THIRD)}
    write_folder((each for each in made if each.key not in later), folder)
    command.result("upload", str(folder))
    bodies = {each.key: each.body for each in made}
    return {session: bodies[price_key(session)] for session in (FIRST, SECOND, THIRD)}


@contextmanager
def walking(folder: Path) -> Iterator[Walk]:
    """The platform with its market delivered, and nothing of it run yet."""
    config, command = told_config(folder / "config"), CommandLine(folder / "home")
    hook = HookServer()
    threading.Thread(target=hook.serve_forever, daemon=True).start()
    for each in ("pictures", "browser"):
        (folder / each).mkdir()
    with stores_of(command.home):
        answer = command("up", "--json", AFTERBELL_CONFIG=str(config))
        assert answer.status == 0, answer.err
        try:
            folders = replace(Folders.from_env(), home=command.home)
            prices = _deliver(command, folder / "drops")
            api = AirflowApi(answer.json["url"], password_of(command.home))
            api.connect("afterbell_webhook", hook.address)
            with chromium(folder / "browser") as browser:
                emulate(browser, 1440, 900)
                looking.sign_in(browser, api.url, command.home)
                yield Walk(
                    browser, api, hook, stack.endpoints(folders, Platform()), prices, folder / "pictures", command.home
                )
        finally:
            command("down", "--json")
            hook.shutdown()
            hook.server_close()
