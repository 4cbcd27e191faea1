"""The hub's own certificate authority, kept, and the server certificate, issued at every start."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from edge.local_hub.files import write_atomically

_CA_DAYS, _SERVER_DAYS = 3650, 397
_SKEW = timedelta(minutes=5)


@dataclass(frozen=True)
class Certificates:
    """Paths of the CA certificate (to be trusted by clients), the server's chain and its key."""

    ca: Path
    server: Path
    key: Path


def issue_certificates(folder: Path, names: Sequence[str]) -> Certificates:
    """Loads the CA of `folder`, or makes it, and issues a server certificate for `names`.

    Names are DNS names or IP addresses. Keys are ECDSA P-256, readable by the owner only.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    paths = Certificates(folder / "ca.pem", folder / "server.pem", folder / "server.key")
    ca, ca_key = _load_ca(folder) or _make_ca(folder)
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)
    server = (
        _builder("edge-assets local hub", ca.subject, key, now, _SERVER_DAYS)
        .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), False
        )
        .sign(ca_key, hashes.SHA256())
    )
    write_atomically(paths.key, _key_bytes(key), mode=0o600)
    write_atomically(paths.server, _pem(server) + _pem(ca), mode=0o644)
    return paths


def _load_ca(folder: Path) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey] | None:
    """The CA, or None if there is none or it ends within the life of a server certificate."""
    certificate, key_file = folder / "ca.pem", folder / "ca.key"
    if not certificate.exists() or not key_file.exists():
        return None
    ca = x509.load_pem_x509_certificate(certificate.read_bytes())
    key = serialization.load_pem_private_key(key_file.read_bytes(), password=None)
    enough = datetime.now(UTC) + timedelta(days=_SERVER_DAYS) < ca.not_valid_after_utc
    return (ca, key) if enough and isinstance(key, ec.EllipticCurvePrivateKey) else None


def _make_ca(folder: Path) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _name("edge-assets local CA")
    ca = (
        _builder("edge-assets local CA", subject, key, datetime.now(UTC), _CA_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=True,
                key_cert_sign=True,
                crl_sign=True,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                encipher_only=False,
                decipher_only=False,
            ),
            True,
        )
        .sign(key, hashes.SHA256())
    )
    write_atomically(folder / "ca.key", _key_bytes(key), mode=0o600)
    write_atomically(folder / "ca.pem", _pem(ca), mode=0o644)
    return ca, key


def _builder(
    subject: str, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime, days: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SKEW)
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_bytes(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
