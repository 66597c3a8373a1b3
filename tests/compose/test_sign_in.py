"""Who may sign in by LDAP and by OIDC: a real slapd, a real identity provider, Airflow's API server out of its image.

No test leaves a container or a network behind. AFTERBELL_AIRFLOW_IMAGE names another image to test.
"""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from afterbell.embedded.ports import free_port
from containers.base_image import base_image
from tests.airflow_api import DAG, sign_in
from tests.clusters.programs import until
from tests.compose.cluster import ROOT, absent, docker, inspect
from tests.compose.identity import CLIENT, SECRET, Authority, provider

pytestmark = pytest.mark.services
HERE = Path(__file__).parent
IMAGE = os.environ.get("AFTERBELL_AIRFLOW_IMAGE", "afterbell/airflow:local")
DIRECTORY_IMAGE = "afterbell/test-directory:local"
SETTINGS = "/opt/afterbell/include/containers/airflow/webserver_config.py"
READER = 'reads, "quotes" & $igns'
ADMIN = {"username": "admin", "password": "the local one"}
EVERYTHING = ("connections", "runs", "our pages", "a run")
DOMAIN = "dc=example,dc=com"
GROUPS = f"ou=groups,{DOMAIN}"
AIRFLOW = {
    "AIRFLOW_ADMIN_PASSWORD": ADMIN["password"],
    "AIRFLOW__API__SECRET_KEY": "a-key-of-this-test-alone-and-long-enough",
    "AIRFLOW__API_AUTH__JWT_SECRET": "another-key-of-this-test-alone-and-long-enough-for-everybody-who-looks-at-it",
    "AIRFLOW__CORE__AUTH_MANAGER": "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager",
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__CORE__PLUGINS_FOLDER": "/opt/afterbell/plugins",
    "AIRFLOW__FAB__CACHE_TTL": "1",
    "AIRFLOW__FAB__CONFIG_FILE": SETTINGS,
}
START = "airflow db migrate && python /opt/afterbell/include/containers/airflow/admin.py && exec airflow api-server"
LDAP = {
    "AUTH": "ldap",
    "AUTH_ROLES": json.dumps({f"cn=admins,{GROUPS}": ["Admin"], f"cn=quants,{GROUPS}": ["Viewer"]}),
    "LDAP_SERVER": "ldap://directory",
    "LDAP_CA_FILE": "/tls/ca.pem",
    "LDAP_SEARCH": f"ou=people,{DOMAIN}",
    "LDAP_FILTER": "(objectClass=inetOrgPerson)",
    "LDAP_BIND_USER": f"cn=reader,{DOMAIN}",
    "LDAP_BIND_PASSWORD": READER,
}


@dataclass
class Room:
    """A network, an authority for TLS, and the containers in it."""

    name: str
    tls: Path
    gateway: str
    authority: Authority
    stack: ExitStack

    def start(self, name: str, image: str, *words: str, options: tuple[str, ...] = ()) -> str:
        """The name of a container that will be removed."""
        full = f"{self.name}-{name}"
        self.stack.callback(subprocess.run, ["docker", "rm", "-f", "-v", full], capture_output=True, check=False)
        docker("run", "--detach", "--name", full, "--network", self.name, "--network-alias", name,
               "--volume", f"{self.tls}:/tls:ro", *options, image, *words)  # fmt: skip
        return full


class Server:
    """Airflow's API server in a container, as docker-compose.yaml runs it but for the database."""

    def __init__(self, room: Room, name: str, variables: dict[str, str]) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        found = AIRFLOW | variables | {"AIRFLOW__API__BASE_URL": self.url}
        options = [word for each in found.items() for word in ("--env", "=".join(each))]
        options += ["--read-only", "--tmpfs", "/tmp", "--tmpfs", "/srv/airflow:uid=10001,gid=10001,mode=750"]  # noqa: S108
        options += ["--publish", f"127.0.0.1:{port}:8080", "--entrypoint", "bash"]
        self.container = room.start(name, IMAGE, "-c", START, options=tuple(options))

    def ready(self) -> Server:
        """Wait until it answers."""
        until(f"{self.container} answers", self._answers, 240)
        return self

    def _answers(self) -> bool:
        assert inspect([self.container])[0]["State"]["Running"], self.log()
        try:
            return requests.get(f"{self.url}/api/v2/version", timeout=5).status_code == 200
        except requests.RequestException:
            return False

    def log(self) -> str:
        """What it wrote."""
        words = ["docker", "logs", self.container]
        return subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True).stdout

    def token(self, username: str, password: str) -> requests.Response:
        """The answer to a name and a password."""
        return sign_in(self.url, password, username)

    def signed_in(self, username: str, password: str) -> requests.Session:
        """A session of a program's."""
        answer = self.token(username, password)
        assert answer.status_code == 201, (answer.text, self.log()[-3000:])
        session = requests.Session()
        session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        return session

    def may(self, session: requests.Session) -> dict[str, bool]:
        """What the one who signed in may do; each is a page, and not there counts as allowed to look."""
        found = {}
        for name, path in {"connections": "/api/v2/connections", "runs": f"/api/v2/dags/{DAG}/dagRuns",
                           "our pages": "/afterbell/releases?format=json"}.items():  # fmt: skip
            found[name] = session.get(self.url + path, timeout=60).status_code
        body = {"conf": {}, "logical_date": None}
        found["a run"] = session.post(f"{self.url}/api/v2/dags/{DAG}/dagRuns", json=body, timeout=60).status_code
        assert 401 not in found.values(), found
        return {name: status != 403 for name, status in found.items()}

    def command(self, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """A program inside the container, with other settings."""
        changed = [word for each in variables.items() for word in ("--env", "=".join(each))]
        return subprocess.run(
            ["docker", "exec", *changed, self.container, *words], capture_output=True, text=True, check=False
        )


def rights(*names: str) -> dict[str, bool]:
    """These, and no other."""
    return {name: name in names for name in EVERYTHING}


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    if why := absent():
        pytest.skip(f"{why}: the containers are not started")
    if subprocess.run(["docker", "image", "inspect", IMAGE], capture_output=True, check=False).returncode:
        pytest.skip(f"there is no image {IMAGE}: docker build --target airflow --tag {IMAGE} .")
    name, tls = f"afterbell-sign-in-{os.getpid()}", tmp_path_factory.mktemp("tls")
    tls.chmod(0o755)
    with ExitStack() as stack:
        stack.callback(subprocess.run, ["docker", "network", "rm", name], capture_output=True, check=False)
        docker("network", "create", name)
        gateway = json.loads(docker("network", "inspect", name))[0]["IPAM"]["Config"][0]["Gateway"]
        found = Room(name, tls, gateway, Authority(tls), stack)
        found.authority.server("directory", "directory")
        found.authority.server("provider", gateway)
        yield found
    assert not docker("ps", "--all", "--quiet", "--filter", f"name={name}")
    assert not docker("network", "ls", "--quiet", "--filter", f"name={name}")


@pytest.fixture(scope="module")
def idp(room):
    with provider(room.gateway, room.tls) as found:
        yield found


@pytest.fixture(scope="module")
def servers(room, idp):
    """Both, that they start at the same time."""
    build = [
        "docker",
        "build",
        "--tag",
        DIRECTORY_IMAGE,
        "--build-arg",
        f"BASE={base_image(ROOT / '.env')}",
        str(HERE / "ldap"),
    ]
    subprocess.run(build, check=True, capture_output=True)
    room.start("directory", DIRECTORY_IMAGE)
    oidc = {
        "AUTH": "oidc",
        "AUTH_ROLES": '{"/admins": ["Admin"], "/quants": ["User"]}',
        "OIDC_ISSUER": idp.issuer,
        "OIDC_CLIENT_ID": CLIENT,
        "OIDC_CLIENT_SECRET": SECRET,
        "OIDC_CA_FILE": "/tls/ca.pem",
        "AIRFLOW__FAB__ENABLE_PROXY_FIX": "True",
        "AIRFLOW__FAB__SESSION_MAX_LIFETIME_MINUTES": "60",
    }
    found = {"ldap": Server(room, "ldap", LDAP), "oidc": Server(room, "oidc", oidc)}
    return {name: server.ready() for name, server in found.items()}


@pytest.fixture(scope="module")
def by_ldap(servers):
    return servers["ldap"]


@pytest.fixture(scope="module")
def by_oidc(servers):
    return servers["oidc"]


@pytest.mark.parametrize(
    ("name", "allowed"),
    [("ada", EVERYTHING), ("quinn", ("runs", "our pages")), ("otto", ())],
)
def test_a_group_of_the_directory_gives_its_role_and_none_gives_no_right(by_ldap, name, allowed):
    with by_ldap.signed_in(name, f"{name}-secret") as session:
        assert by_ldap.may(session) == rights(*allowed)


def test_case_and_blanks_make_no_second_user(by_ldap):
    with by_ldap.signed_in("ADA", "ada-secret") as session:
        users = session.get(f"{by_ldap.url}/auth/fab/v1/users", timeout=30).json()["users"]
    assert [user["username"] for user in users if user["username"].lower() == "ada"] == ["ada"]


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("ada", "quinn-secret"),
        ("nobody", "nobody-secret"),
        ("*", "ada-secret"),
        ("reader", READER),
        ("ada)(uid=*", "x"),
    ],
)
def test_a_wrong_name_or_password_is_refused(by_ldap, name, password):
    assert by_ldap.token(name, password).status_code == 401


def test_an_empty_password_is_refused(by_ldap):
    assert by_ldap.token("ada", "").status_code == 400


def test_airflows_own_user_stays_what_it_is(by_ldap):
    with by_ldap.signed_in(**ADMIN) as session:
        assert by_ldap.may(session)["connections"]
        assert by_ldap.token("admin", "else-secret").status_code == 401
        assert by_ldap.token("Admin", "else-secret").status_code == 401
        assert by_ldap.may(session)["connections"]


def test_a_browser_signs_in_with_the_form(by_ldap):
    for password, status in (("wrong", 401), ("quinn-secret", 200)):
        with requests.Session() as browser:
            page = browser.get(f"{by_ldap.url}/auth/login/", timeout=30).text
            token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)[1]
            form = {"username": "quinn", "password": password, "csrf_token": token}
            browser.post(f"{by_ldap.url}/auth/login/", data=form, timeout=30)
            assert browser.get(f"{by_ldap.url}/api/v2/dags", timeout=30).status_code == status


def test_a_user_of_the_database_is_made_beside_the_directory(by_ldap):
    words = "airflow users create --username nightly --firstname N --lastname N --email nightly@localhost.invalid"
    done = by_ldap.command(*words.split(), "--role", "User", "--password", "for programs")
    assert done.returncode == 0, done.stderr
    with by_ldap.signed_in("nightly", "for programs") as session:
        assert by_ldap.may(session) == rights("runs", "our pages", "a run")


@pytest.mark.parametrize("server", ["ldap://nowhere.invalid ldap://directory", "ldaps://directory"])
def test_the_check_says_who_somebody_is(by_ldap, server):
    done = by_ldap.command("python", SETTINGS, "quinn", LDAP_SERVER=server)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout[done.stdout.index("{") :]) == {
        "dn": f"uid=quinn,ou=people,{DOMAIN}",
        "groups": [f"cn=quants,{GROUPS}"],
        "roles": ["Public", "Viewer"],
    }


def test_a_directory_of_an_unknown_authority_hears_no_password(by_ldap):
    done = by_ldap.command("python", SETTINGS, "quinn", LDAP_CA_FILE="")
    assert done.returncode == 1
    assert "docs/sign-in.md" in done.stderr
    assert READER not in done.stderr


def test_another_group_is_another_role_at_the_next_sign_in(by_ldap, room):
    change = (
        f"dn: cn=admins,{GROUPS}\nchangetype: modify\n{{}}: member\nmember: uid=quinn,ou=people,dc=example,dc=com\n"
    )
    manager = ["-H", "ldapi:///", "-D", f"cn=manager,{DOMAIN}", "-w", "manager"]
    for verb, connections in (("add", True), ("delete", False)):
        subprocess.run(["docker", "exec", "-i", f"{room.name}-directory", "ldapmodify", *manager],
                       input=change.format(verb), text=True, check=True, capture_output=True)  # fmt: skip
        with by_ldap.signed_in("quinn", "quinn-secret") as session:
            until(verb, lambda: by_ldap.may(session)["connections"] is connections, 30)  # noqa: B023 - asked at once


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"AUTH": "ladp"}, "AUTH is 'ladp' and must be database, ldap or oidc"),
        ({**LDAP, "LDAP_BIND_PASSWORD": ""}, "LDAP_BIND_PASSWORD is empty, and AUTH=ldap needs it"),
        ({**LDAP, "LDAP_CA_FILE": "/nowhere.pem"}, "LDAP_CA_FILE names /nowhere.pem"),
        ({**LDAP, "LDAP_CA_FILE": "", "AUTH_ROLES": '{"a": "User"}'}, "the roles of 'a' are no list of names"),
        ({**LDAP, "LDAP_CA_FILE": "", "AUTH_ROLES": "{a"}, "AUTH_ROLES must be JSON such as"),
        ({"AUTH": "oidc", "OIDC_ISSUER": "http://sso.invalid"}, "OIDC_ISSUER must begin with https://"),
    ],
)
def test_a_wrong_setting_is_named_with_what_to_do(by_ldap, variables, told):
    done = by_ldap.command("python", SETTINGS, **variables)
    assert done.returncode == 1
    assert told in done.stderr
    assert ": set it in .env, docs/sign-in.md has an example" in done.stderr
    assert READER not in done.stderr


def test_the_api_server_does_not_start_with_a_wrong_setting(by_ldap):
    done = by_ldap.command("timeout", "60", "airflow", "api-server", "--port", "8099", LDAP_SERVER="")
    assert done.returncode == 1
    assert "LDAP_SERVER is empty, and AUTH=ldap needs it: set it in .env" in done.stdout + done.stderr


def new_browser(room):
    """One that trusts the authority of this test, whatever the variables of this machine say."""
    browser = requests.Session()
    browser.trust_env, browser.verify = False, str(room.tls / "ca.pem")
    return browser


def browse(server, room):
    """A browser that has been to the identity provider and back."""
    browser = new_browser(room)
    browser.get(f"{server.url}/auth/login/oidc", timeout=60)
    return browser


@pytest.mark.parametrize(
    ("person", "allowed"),
    [
        (
            {"preferred_username": "grace", "groups": ["/admins", "/others"]},
            ("connections", "runs", "our pages", "a run"),
        ),
        ({"preferred_username": "quentin", "groups": "/quants"}, ("runs", "our pages", "a run")),
        ({"preferred_username": "olga", "groups": []}, ()),
        ({"preferred_username": "una", "userinfo": {"groups": ["/quants"]}}, ("runs", "our pages", "a run")),
    ],
)
def test_groups_of_the_identity_provider_give_roles(by_oidc, room, idp, person, allowed):
    idp.next(email=f"{person['preferred_username']}@example.com", **person)
    with browse(by_oidc, room) as browser:
        assert by_oidc.may(browser) == rights(*allowed), by_oidc.log()[-3000:]
    assert idp.asked["redirect_uri"] == f"{by_oidc.url}/auth/oauth-authorized/oidc"
    assert idp.asked["code_challenge_method"] == "S256"


def refused(server, browser):
    """Nothing is open to this browser."""
    return browser.get(f"{server.url}/api/v2/dags", timeout=30).status_code == 401


@pytest.mark.parametrize(
    ("forged", "why"),
    [
        ({"key": "another"}, "bad_signature"),
        ({"aud": "another"}, "claim"),
        ({"iss": "https://another"}, "Invalid claim: 'iss'"),
        ({"nonce": "another"}, "Invalid claim: 'nonce'"),
        ({"exp": 1}, "The token is expired"),
    ],
)
def test_an_id_token_that_is_not_right_is_refused(by_oidc, room, idp, forged, why):
    before = len(by_oidc.log())
    idp.next(preferred_username="grace", groups=["/admins"], forged=forged)
    with browse(by_oidc, room) as browser:
        assert refused(by_oidc, browser)
    assert re.search(f"Error authorizing OAuth access token: .*{why}", by_oidc.log()[before:])


def test_a_session_ends_when_it_was_told_to(by_oidc, room, idp):
    idp.next(preferred_username="grace", groups=["/admins"])
    with browse(by_oidc, room) as browser:
        told = browser.cookies["_token"].split(".")[1]
    assert time.time() < json.loads(base64.urlsafe_b64decode(told + "=="))["exp"] <= time.time() + 3600


def test_a_mail_address_of_somebody_else_makes_no_user(by_oidc, room, idp):
    with by_oidc.signed_in(**ADMIN) as session:
        theirs = session.get(f"{by_oidc.url}/auth/fab/v1/users", timeout=30).json()["users"][0]["email"]
    idp.next(preferred_username="twin", email=theirs, groups=["/admins"])
    with browse(by_oidc, room) as browser:
        assert refused(by_oidc, browser)
    assert "Error adding new user to database" in by_oidc.log()


def test_nobody_of_the_identity_provider_becomes_airflows_own_user(by_oidc, room, idp):
    idp.next(preferred_username="Admin", groups=["/quants"])
    with browse(by_oidc, room) as browser:
        assert refused(by_oidc, browser)
    with by_oidc.signed_in(**ADMIN) as session:
        assert by_oidc.may(session)["connections"]


def test_the_answer_to_another_browser_signs_nobody_in(by_oidc, room, idp):
    idp.next(preferred_username="grace", groups=["/admins"])
    with new_browser(room) as one, new_browser(room) as other:
        there = one.get(f"{by_oidc.url}/auth/login/oidc", timeout=30, allow_redirects=False).headers["Location"]
        other.get(there, timeout=30)
        assert refused(by_oidc, other)


def test_behind_a_proxy_the_redirect_uri_is_the_proxys(by_oidc):
    told = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "runs.example.com", "X-Forwarded-Port": "443"}
    answer = requests.get(f"{by_oidc.url}/auth/login/oidc", headers=told, timeout=30, allow_redirects=False)
    asked = parse_qs(urlsplit(answer.headers["Location"]).query)
    assert asked["redirect_uri"] == ["https://runs.example.com/auth/oauth-authorized/oidc"]


def test_the_check_says_what_the_identity_provider_must_know(by_oidc, idp):
    done = by_oidc.command("python", SETTINGS)
    found = json.loads(done.stdout[done.stdout.index("{") :])
    assert (found["issuer"], found["redirect_uri"]) == (idp.issuer, f"{by_oidc.url}/auth/oauth-authorized/oidc")
