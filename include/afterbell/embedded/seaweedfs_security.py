"""How the parts of SeaweedFS identify each other, so that they answer nobody else.

By themselves its master, volumes and filer read, write and delete for anyone who reaches their ports: every user of the
machine, and every web page in a browser on it. S3 alone requires a key.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from afterbell.embedded.private import write_private

_SIGNED = ("jwt.signing", "jwt.signing.read", "jwt.filer_signing", "jwt.filer_signing.read")
"""Requests over HTTP that need a token: writes and reads, at the volumes and at the filer."""
_PARTS = ("master", "volume", "filer", "s3", "client")
_NAME = "afterbell"
_YEARS = timedelta(days=3650)


def security(folder: Path) -> str:
    """The content of ``security.toml``, with new keys; certificate and key for gRPC are written to ``folder``.

    Both sides of gRPC show the same certificate, which is its own authority: a client without its key gets no answer.
    """
    certificate, key = folder / "parts.crt", folder / "parts.key"
    for path, text in zip((certificate, key), _certificate(), strict=True):
        write_private(path, text)
    tokens = [f'[{part}]\nkey = "{secrets.token_hex(32)}"\n' for part in _SIGNED]
    grpc = [f'[grpc]\nca = "{certificate}"\n']
    grpc += [f'[grpc.{part}]\ncert = "{certificate}"\nkey = "{key}"\n' for part in _PARTS]
    return "".join([*tokens, *grpc])


def _certificate() -> tuple[str, str]:
    """A certificate that signs itself, and its key, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, _NAME)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + _YEARS)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(_NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return certificate.public_bytes(Encoding.PEM).decode(), secret.decode()
