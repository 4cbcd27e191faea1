"""A certificate authority for one run: a certificate for the server and one for the client."""

import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from benchmarks.inference.native import Certificates

_LIFE = datetime.timedelta(days=1)


def make_certificates(folder: Path) -> tuple[Certificates, Certificates]:
    """Files for the server (`localhost`) and for the client, of one new authority (P-256)."""
    folder.mkdir(parents=True, exist_ok=True)
    key, name = ec.generate_private_key(ec.SECP256R1()), _name("benchmark")
    authority = _builder(name, name, key).add_extension(x509.BasicConstraints(True, None), True)
    ca = folder / "ca.pem"
    ca.write_bytes(authority.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    found = []
    for host in ("localhost", "client"):
        own = ec.generate_private_key(ec.SECP256R1())
        made = _builder(_name(host), name, own)
        made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), False)
        made = made.add_extension(x509.BasicConstraints(False, None), True)
        files = Certificates(ca, folder / f"{host}.pem", folder / f"{host}.key")
        signed = made.sign(key, hashes.SHA256())
        files.certificate.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        files.key.touch(mode=0o600)
        files.key.write_bytes(
            own.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        found.append(files)
    return found[0], found[1]


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _LIFE)
        .not_valid_after(now + _LIFE)
    )
