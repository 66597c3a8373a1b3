"""A small identity provider of the test's own (OpenID Connect over TLS), and the authority that its kind trusts."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import ipaddress
import json
import secrets
import ssl
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

CLIENT, SECRET = "afterbell", "client/secret+of the=test"


class Authority:
    """Signs certificates of servers; ``ca.pem`` in the folder is what their clients trust."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = rsa.generate_private_key(65537, 2048)
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority of a test")])
        only_signs = dict.fromkeys(
            ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
             "encipher_only", "decipher_only"), False,
        )  # fmt: skip
        made = self._certificate(self._name, self._key).add_extension(x509.BasicConstraints(True, None), True)
        made = made.add_extension(x509.KeyUsage(key_cert_sign=True, crl_sign=True, **only_signs), True)
        self._write("ca.pem", made.sign(self._key, hashes.SHA256()))

    def server(self, name: str, host: str) -> None:
        """``NAME.pem`` and ``NAME.key`` of the server that is reached as ``host``, a name or an address."""
        key = rsa.generate_private_key(65537, 2048)
        try:
            called: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(host))
        except ValueError:
            called = x509.DNSName(host)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        made = self._certificate(subject, key).add_extension(x509.SubjectAlternativeName([called]), False)
        self._write(f"{name}.pem", made.sign(self._key, hashes.SHA256()))
        encoding, plain = serialization.Encoding.PEM, serialization.NoEncryption()
        path = self._folder / f"{name}.key"
        path.write_bytes(key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, plain))
        path.chmod(0o600)

    def _certificate(self, subject: x509.Name, key: rsa.RSAPrivateKey) -> x509.CertificateBuilder:
        now = dt.datetime.now(dt.UTC)
        made = x509.CertificateBuilder().issuer_name(self._name).subject_name(subject).public_key(key.public_key())
        made = made.serial_number(x509.random_serial_number())
        return made.not_valid_before(now - dt.timedelta(1)).not_valid_after(now + dt.timedelta(2))

    def _write(self, name: str, made: x509.Certificate) -> None:
        path = self._folder / name
        path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
        path.chmod(0o644)


class Provider:
    """Signs everybody in as `person` without a question.

    Attributes:
        issuer: its address.
        person: the claims of who signs in next.
        userinfo: claims that its userinfo page tells besides, and the id token doesn't.
        forged: claims of the id token that are not what they should be; ``key`` for a signature of somebody else's.
        asked: the parameters of the last visit to its login page.
    """

    def __init__(self, address: str) -> None:
        self.issuer = address
        self.asked: dict[str, str] = {}
        self._key, self._other = (rsa.generate_private_key(65537, 2048) for _ in range(2))
        self._codes: dict[str, tuple[dict[str, str], dict[str, Any], dict[str, Any]]] = {}
        self._tokens: dict[str, dict[str, Any]] = {}
        self.next()

    def next(self, userinfo: dict[str, Any] | None = None, forged: dict[str, Any] | None = None, **person: Any) -> None:
        """Who signs in next."""
        self.person, self.userinfo, self.forged = person, userinfo or {}, forged or {}

    def discovery(self) -> dict[str, Any]:
        """What clients ask first."""
        pages = {
            "authorization_endpoint": "login",
            "token_endpoint": "token",
            "userinfo_endpoint": "me",
            "jwks_uri": "keys",
        }
        found: dict[str, Any] = {name: f"{self.issuer}/{page}" for name, page in pages.items()}
        return found | {
            "issuer": self.issuer,
            "response_types_supported": ["code"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "code_challenge_methods_supported": ["S256"],
        }

    def keys(self) -> dict[str, Any]:
        """The public key of its signatures."""
        numbers = self._key.public_key().public_numbers()
        n, e = (_b64(number.to_bytes((number.bit_length() + 7) // 8, "big")) for number in (numbers.n, numbers.e))
        return {"keys": [{"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "one", "n": n, "e": e}]}

    def login(self, asked: dict[str, str]) -> str:
        """The address that the browser goes to next: back, with a code."""
        assert (asked["client_id"], asked["response_type"]) == (CLIENT, "code")
        self.asked, code = asked, secrets.token_urlsafe()
        person = {"sub": "id-of-" + self.person.get("preferred_username", "nobody"), **self.person}
        self._codes[code] = asked, person, self.userinfo
        return asked["redirect_uri"] + "?" + urlencode({"code": code, "state": asked["state"]})

    def token(self, form: dict[str, str], authorization: str) -> dict[str, Any] | None:
        """The answer to a code; nothing where the client, the address or the proof of PKCE isn't the right one."""
        asked, person, userinfo = self._codes.pop(form["code"])
        client = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        proof = _b64(hashlib.sha256(form["code_verifier"].encode()).digest())
        if (authorization, form["redirect_uri"], proof) != (
            f"Basic {client}", asked["redirect_uri"], asked["code_challenge"],
        ):  # fmt: skip
            return None
        access, now = secrets.token_urlsafe(), int(time.time())
        self._tokens[access] = {"sub": person["sub"], **userinfo}
        claims = {"iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 60, "nonce": asked["nonce"], **person}
        return {"access_token": access, "token_type": "Bearer", "id_token": self._signed(claims | self.forged)}

    def me(self, authorization: str) -> dict[str, Any] | None:
        """Of the owner of an access token."""
        return self._tokens.get(authorization.removeprefix("Bearer "))

    def _signed(self, claims: dict[str, Any]) -> str:
        key = self._other if claims.pop("key", None) else self._key
        head = {"alg": "RS256", "kid": "one", "typ": "JWT"}
        text = ".".join(_b64(json.dumps(part).encode()) for part in (head, claims))
        return f"{text}.{_b64(key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class _Pages(BaseHTTPRequestHandler):
    provider: Provider

    def do_GET(self) -> None:
        place = urlsplit(self.path)
        if place.path == "/login":
            asked = {name: values[0] for name, values in parse_qs(place.query).items()}
            self._answer(302, {}, Location=self.provider.login(asked))
        elif place.path == "/me":
            self._answer_or_refuse(self.provider.me(self.headers.get("Authorization", "")))
        else:
            pages = {"/.well-known/openid-configuration": self.provider.discovery, "/keys": self.provider.keys}
            self._answer(200, pages[place.path]())

    def do_POST(self) -> None:
        text = self.rfile.read(int(self.headers["Content-Length"])).decode()
        form = {name: values[0] for name, values in parse_qs(text).items()}
        self._answer_or_refuse(self.provider.token(form, self.headers.get("Authorization", "")))

    def _answer_or_refuse(self, found: dict[str, Any] | None) -> None:
        self._answer(200 if found else 401, found or {"error": "invalid_client"})

    def _answer(self, status: int, found: dict[str, Any], **headers: str) -> None:
        body = json.dumps(found).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words: Any) -> None:
        """Not into the test's output."""


@contextmanager
def provider(host: str, folder: Path):
    """The provider at an address of this machine, with the certificate ``provider.pem`` of the folder."""
    pages = type("Pages", (_Pages,), {})
    server = ThreadingHTTPServer((host, 0), pages)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "provider.pem", folder / "provider.key")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    pages.provider = Provider(f"https://{host}:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield pages.provider
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
