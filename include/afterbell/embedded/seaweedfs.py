"""A real S3 server on this machine: SeaweedFS, all of it in one process, on loopback alone."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import tempfile
from pathlib import Path

import requests
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from afterbell.embedded.ports import LOOPBACK
from afterbell.embedded.private import read_json, write_private
from afterbell.embedded.seaweedfs_security import security
from afterbell.embedded.service import Service, plain_environment
from afterbell.errors import ServiceError, StoreConfigError
from afterbell.stores.http import http_session
from afterbell.stores.retry import Timeouts

_INNER_PORTS = ("s3_grpc", "master", "master_grpc", "volume", "volume_grpc", "filer", "filer_grpc")
_VOLUMES, _VOLUME_MB = 256, 256
"""64 GB at most. A bucket takes volumes in sevens, which grow as they fill: few large ones would run out of buckets."""
_MAX_SOCKET_PATH = 100  # the system's limit is 108
_PROBE = "probe/health"
_TIMEOUTS = Timeouts(connect=2.0, read=5.0)
_NO_ORIGIN = "https://afterbell.invalid"


class SeaweedFS(Service):
    """The S3 server with the two buckets of the platform."""

    name = "s3"
    grace = 2.0
    """It waits long for its own streams to end, and what it acknowledged is on disk: killing it loses nothing."""
    restart = 5.0

    def take_ports(self) -> dict[str, int]:
        """S3's port and those of the parts behind it."""
        return {"s3": self.port("s3", self.context.platform.ports.s3)} | {
            name: self.port(name) for name in _INNER_PORTS
        }

    def launch(self) -> None:
        """Write the identities and start ``weed server``."""
        data = self.folder / "data"
        data.mkdir(parents=True, exist_ok=True)
        for stale in data.glob("m[0-9]*"):  # the master's own state, one folder per port it ever had
            shutil.rmtree(stale, ignore_errors=True)
        keys = credentials(self.context.supervisor.folder)
        identities = self.folder / "identities.json"
        write_private(identities, json.dumps({"identities": [_identity(*keys)]}))
        # Where SeaweedFS looks for it, in its home.
        write_private(self.folder / ".seaweedfs" / "security.toml", security(self.folder / ".seaweedfs"))
        self.spawn("weed", self._argv(data, identities), plain_environment() | {"HOME": str(self.folder)})

    def _argv(self, data: Path, identities: Path) -> list[str]:
        port = self.ports
        options = {
            "dir": data,
            "ip": LOOPBACK,
            "ip.bind": LOOPBACK,
            "disableHttp": "true",  # master and filer; they require no key there
            "master.port": port["master"],
            "master.port.grpc": port["master_grpc"],
            "master.volumeSizeLimitMB": _VOLUME_MB,
            "master.telemetry": "false",
            "master.resumeState": "false",  # the state names the last start's ports
            "volume.max": _VOLUMES,
            "volume.preStopSeconds": 0,
            "volume.port": port["volume"],
            "volume.port.grpc": port["volume_grpc"],
            "filer": "true",
            "filer.port": port["filer"],
            "filer.port.grpc": port["filer_grpc"],
            "filer.localSocket": self._socket("filer"),
            "s3": "true",
            "s3.port": port["s3"],
            "s3.port.grpc": port["s3_grpc"],
            "s3.port.iceberg": 0,
            "s3.port.lance": 0,
            "s3.iam": "false",
            "s3.localSocket": self._socket("s3"),
            "s3.config": identities,
            # An origin that no page has; by itself it answers pages of every origin.
            "s3.allowedOrigins": _NO_ORIGIN,
            "filer.allowedOrigins": _NO_ORIGIN,
        }
        return [str(self.context.folders.weed), "server", *(f"-{name}={value}" for name, value in options.items())]

    def _socket(self, name: str) -> Path:
        path = self.folder / f"{name}.sock"
        short = len(os.fsencode(path)) < _MAX_SOCKET_PATH
        return path if short else Path(tempfile.gettempdir()) / f"afterbell-{name}-{self.ports[name]}.sock"

    def trouble(self) -> str | None:
        """Why a put into one of the buckets fails, None if it succeeds; creates the buckets."""
        if not self.ports:
            return "it was never started"
        s3 = self.context.platform.s3
        try:
            with http_session(_TIMEOUTS, proxies=False, redirects=True) as session:
                for bucket in (s3.feed_bucket, s3.artifact_bucket):
                    if self._request(session, "HEAD", bucket, expected=(200, 404)) == 404:
                        self._request(session, "PUT", bucket)
                    self._request(session, "PUT", f"{bucket}/{_PROBE}", body=b"ok")
                    self._request(session, "DELETE", f"{bucket}/{_PROBE}", expected=(204,))
        except (requests.RequestException, StoreConfigError) as error:
            return f"S3 on port {self.ports['s3']}: {error}"
        return None

    def stop(self) -> bool:
        """End the server, and remove the sockets that it leaves in the temporary folder when it is killed."""
        ports = self.ports
        stopped = super().stop()
        for part in ("master", "volume", "filer", "s3"):
            Path(f"/tmp/seaweedfs-{part}-grpc-{ports.get(f'{part}_grpc', 0)}.sock").unlink(missing_ok=True)  # noqa: S108 - its own choice
        return stopped

    def _request(
        self,
        session: requests.Session,
        method: str,
        path: str,
        *,
        body: bytes = b"",
        expected: tuple[int, ...] = (200,),
    ) -> int:
        """One signed request that gives up quickly; returns its status.

        Signed by hand: boto3's clients follow the AWS settings of the shell (a profile that isn't there, a session
        token, a configuration file), which are about other stores, and a wrong one would make this one look down.

        Raises:
            requests.RequestException: there was no answer in time.
            StoreConfigError: the status is not one of ``expected``.
        """
        url = f"http://{LOOPBACK}:{self.ports['s3']}/{path}"
        signed = AWSRequest(method, url, data=body)
        keys = Credentials(*credentials(self.context.supervisor.folder))
        S3SigV4Auth(keys, "s3", self.context.platform.s3.region).add_auth(signed)
        answer = session.request(method, url, data=body, headers=dict(signed.headers))
        if answer.status_code not in expected:
            raise StoreConfigError(f"{method} {path} answered {answer.status_code}: {answer.text[:200]}")
        return int(answer.status_code)


def _identity(key: str, secret: str) -> dict[str, object]:
    actions = ["Admin", "Read", "List", "Tagging", "Write"]
    return {"name": "afterbell", "credentials": [{"accessKey": key, "secretKey": secret}], "actions": actions}


def credentials(services: Path) -> tuple[str, str]:
    """Access key and secret key of the embedded S3: made at random once, kept in a file that only its owner reads.

    Raises:
        ServiceError: the file is there but not what was written.
    """
    path = services / "credentials.json"
    if not path.exists():
        body = {"access_key": "AB" + secrets.token_hex(9).upper(), "secret_key": secrets.token_urlsafe(30)}
        write_private(path, json.dumps(body))
    keys = read_json(path, "the keys of the embedded S3")
    if not {"access_key", "secret_key"} <= set(keys):
        raise ServiceError(f"{path} does not hold both keys of the embedded S3: `make down`, remove it, start again")
    return keys["access_key"], keys["secret_key"]
