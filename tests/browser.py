"""A real browser for tests: Chromium, driven over the W3C WebDriver protocol, which is JSON over HTTP.

Debian's packages ``chromium`` and ``chromium-driver`` bring both programs; tests skip where they are missing.
"""

from __future__ import annotations

import base64
import contextlib
import json
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
_PAUSE = threading.Event()  # never set: waiting on it is a pause between questions
_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--force-color-profile=srgb", "--hide-scrollbars",
)  # fmt: skip
TAB = "\ue004"
_PATIENCE = 600
"""Seconds that a page may take on a machine that does much else."""


class Browser:
    """One window of a headless Chromium."""

    def __init__(self, url: str, session: requests.Session, profile: Path) -> None:
        self._http = session
        options = {"binary": shutil.which("chromium"), "args": [*_FLAGS, f"--user-data-dir={profile}"]}
        wanted = {
            "browserName": "chrome",
            "goog:chromeOptions": options,
            "goog:loggingPrefs": {"browser": "ALL"},
        }
        self._url = f"{url}/session"
        found = self._ask("POST", "", {"capabilities": {"alwaysMatch": wanted}})
        self._url = f"{url}/session/{found['sessionId']}"
        self._ask("POST", "/timeouts", {"script": _PATIENCE * 1000, "pageLoad": _PATIENCE * 1000})

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        answer = self._http.request(method, self._url + path, json=body, timeout=_PATIENCE + 30)
        value = answer.json()["value"]
        if answer.status_code != 200:
            raise AssertionError(
                f"{method} {path} {json.dumps(body)[:200]}: {value['error']}: {value['message'][:600]}"
            )
        return value

    def open(self, url: str) -> None:
        """Go to an address and wait until it has loaded."""
        self._ask("POST", "/url", {"url": url})

    def run(self, script: str, *arguments: Any) -> Any:
        """What a function's body returns in the page or frame that is shown."""
        return self._ask("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def until(self, script: str, what: str, *arguments: Any, seconds: int = _PATIENCE) -> Any:
        """The first value of ``script`` that is true; asked ten times a second."""
        for _ in range(seconds * 10):
            if found := self.run(script, *arguments):
                return found
            _PAUSE.wait(0.1)
        raise AssertionError(f"{what} did not happen within {seconds} s; the page says: {self.text()[:500]}")

    def text(self) -> str:
        """The text that is shown."""
        return str(self.run("return document.body ? document.body.innerText : ''"))

    def enter(self, selector: str) -> None:
        """Go into the frame that ``selector`` finds, once it is there and has loaded."""
        self.until("return !!document.querySelector(arguments[0])", f"a frame {selector}", selector)
        found = self._ask("POST", "/element", {"using": "css selector", "value": selector})
        self._ask("POST", "/frame", {"id": {_ELEMENT: found[_ELEMENT]}})

    def leave(self) -> None:
        """Back to the outermost page."""
        self._ask("POST", "/frame", {"id": None})

    def type(self, selector: str, text: str) -> None:
        """Type into a field."""
        found = self._ask("POST", "/element", {"using": "css selector", "value": selector})
        self._ask("POST", f"/element/{found[_ELEMENT]}/value", {"text": text})

    def click(self, selector: str) -> None:
        """Click on what ``selector`` finds."""
        found = self._ask("POST", "/element", {"using": "css selector", "value": selector})
        self._ask("POST", f"/element/{found[_ELEMENT]}/click", {})

    def press(self, key: str) -> None:
        """Press and let go of a key."""
        keys = [{"type": "keyDown", "value": key}, {"type": "keyUp", "value": key}]
        self._ask("POST", "/actions", {"actions": [{"type": "key", "id": "keyboard", "actions": keys}]})

    def shape(self, width: int, height: int, scheme: str = "light") -> None:
        """Size of the page in CSS pixels, and whether the system is light or dark."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.devtools("Emulation.setDeviceMetricsOverride", size)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.devtools("Emulation.setEmulatedMedia", {"features": features})

    def devtools(self, command: str, parameters: dict[str, Any]) -> Any:
        """Chromium's own protocol, for what WebDriver has no word for."""
        return self._ask("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def said(self) -> list[str]:
        """Warnings and errors of the console since the last call, refused loads among them."""
        found = self._ask("POST", "/se/log", {"type": "browser"})
        return [f"{line['level']}: {line['message']}" for line in found if line["level"] in {"WARNING", "SEVERE"}]

    def screenshot(self, path: Path) -> Path:
        """The page as it is shown, as a PNG."""
        path.write_bytes(base64.b64decode(self._ask("GET", "/screenshot")))
        return path

    def windows(self) -> list[str]:
        """Handles of all windows, the first one first."""
        return list(self._ask("GET", "/window/handles"))

    def switch(self, handle: str) -> None:
        """Go on in another window."""
        self._ask("POST", "/window", {"handle": handle})

    def close_window(self) -> None:
        """Close the window that is shown; another has to be switched to."""
        self._ask("DELETE", "/window")

    def close(self) -> None:
        """End the browser."""
        self._ask("DELETE", "")


@contextlib.contextmanager
def chromium(folder: Path) -> Iterator[Browser]:
    """A browser with an empty profile below ``folder``; skips the test where there is none."""
    driver = shutil.which("chromedriver")
    if driver is None or shutil.which("chromium") is None:
        pytest.skip("no browser here: install chromium and chromium-driver (Debian's packages)")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    argv = [driver, f"--port={port}", f"--log-path={folder / 'chromedriver.log'}"]
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            with requests.Session() as session:
                session.trust_env = False  # no proxy stands between us and loopback
                url = f"http://127.0.0.1:{port}"
                _wait_for(session, url)
                browser = Browser(url, session, folder / "profile")
                try:
                    yield browser
                finally:
                    browser.close()
        finally:
            process.terminate()


def _wait_for(session: requests.Session, url: str) -> None:
    for _ in range(_PATIENCE * 10):
        with contextlib.suppress(requests.RequestException, ValueError, KeyError):
            if session.get(f"{url}/status", timeout=_PATIENCE).json()["value"]["ready"]:
                return
        _PAUSE.wait(0.1)
    raise AssertionError(f"chromedriver did not come up within {_PATIENCE} s")
