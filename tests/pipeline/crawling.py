"""Following every link of every page, as somebody with a role does."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urljoin

import requests

from afterbell.config.platform import Folders

ROLES = ("viewer", "user", "op", "admin")
"""Those of Airflow's simple way to sign people in, the mightiest last."""
_OF_ONE_PAGE = 30
"""Addresses that differ in their parameters alone: there are as many as sessions."""
_SECONDS = 600
_TOKENS = """
import json, sys
from airflow.api_fastapi.app import create_auth_manager
from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
manager = create_auth_manager()
signed = {str(role): manager.generate_jwt(SimpleAuthManagerUser(username=f"a-{role}", role=role))
          for role in json.loads(sys.argv[1])}
print("\\n" + json.dumps(signed))
"""
_OF_AIRFLOW = re.compile(
    r"/dags/(?P<dag>[^/?]+)(/runs/(?P<run>[^/?]+)(/tasks/(?P<task>[^/?]+)(/mapped/(?P<index>\d+))?)?)?"
)


def tokens_for(home: Path, folder: Path) -> dict[str, str]:
    """A token of somebody with each role, and of ``None`` who has none, as the Airflow below ``home`` signs them."""
    secrets = json.loads((home / "airflow" / "secrets.json").read_text(encoding="utf-8"))
    manager = "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager"
    environment = os.environ | secrets | {"AIRFLOW_HOME": str(folder), "AIRFLOW__CORE__AUTH_MANAGER": manager}
    argv = [str(Folders.from_env().airflow_python), "-c", _TOKENS, json.dumps([None, *ROLES])]
    answer = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=_SECONDS, check=True)
    signed: dict[str, str] = json.loads(answer.stdout.splitlines()[-1])
    return signed


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep where a link, a script, a picture or a style leads."""
        names = {"a": "href", "link": "href", "script": "src", "img": "src", "iframe": "src"}
        if (value := dict(attrs).get(names.get(tag, ""))) is not None:
            self.found.append(value)


@dataclass
class Crawl:
    """What somebody found who followed every link.

    Attributes:
        url: of the server.
        ours: addresses of our pages that answered, with their text.
        airflow: addresses of Airflow's own pages that lead to something.
        faults: address, status and the beginning of the answer of each link that leads nowhere.
    """

    url: str
    ours: dict[str, str] = field(default_factory=dict)
    airflow: set[str] = field(default_factory=set)
    faults: list[tuple[str, int, str]] = field(default_factory=list)


def get(address: str, token: str, accept: str = "text/html") -> requests.Response:
    """The answer to somebody."""
    head = {"Authorization": f"Bearer {token}", "Accept": accept}
    return requests.get(address, headers=head, timeout=_SECONDS, allow_redirects=True)


def crawl(url: str, token: str, starts: Iterable[str]) -> Crawl:
    """Follow every link from ``starts`` on; pages of other servers are left alone.

    Airflow answers 200 for every address of its own pages, so its API is asked for what such a link leads to.
    """
    walked, todo, seen, pages = Crawl(url), list(starts), set[str](), Counter[str]()
    while todo:
        address = todo.pop(0).partition("#")[0]
        page = address.partition("?")[0]
        if address in seen or not address.startswith(f"{url}/") or pages[page] == _OF_ONE_PAGE:
            continue
        seen.add(address)
        pages[page] += 1
        ours = address.startswith(f"{url}/afterbell/")
        answer = get(address, token) if ours else _behind(url, address, token)
        if answer.status_code != requests.codes.ok:
            walked.faults.append((address, answer.status_code, answer.text[:200]))
        elif not ours:
            walked.airflow.add(address)
        else:
            walked.ours[address] = answer.text
            if "text/html" in answer.headers["content-type"]:
                links = _Links()
                links.feed(answer.text)
                todo += [urljoin(address, each) for each in links.found]
    return walked


def _behind(url: str, address: str, token: str) -> requests.Response:
    match = _OF_AIRFLOW.match(address.removeprefix(url))
    if match is None:
        return get(address, token)
    path = f"/api/v2/dags/{match['dag']}"
    for name, place in (("run", "dagRuns"), ("task", "taskInstances")):
        path += f"/{place}/{match[name]}" if match[name] else ""
    return get(url + path + (f"/{match['index']}" if match["index"] else ""), token, "application/json")
