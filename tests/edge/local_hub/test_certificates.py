"""The CA and the server certificate."""

import ipaddress
from pathlib import Path

from cryptography import x509

from edge.local_hub.certificates import issue_certificates

NAMES = ["localhost", "127.0.0.1", "127.0.0.2"]


def load(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def test_the_server_certificate_is_of_the_ca_and_for_all_names(tmp_path: Path) -> None:
    paths = issue_certificates(tmp_path / "tls", NAMES)
    server = load(paths.server)
    server.verify_directly_issued_by(load(paths.ca))
    names = server.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    assert names.get_values_for_type(x509.IPAddress) == [
        ipaddress.ip_address("127.0.0.1"),
        ipaddress.ip_address("127.0.0.2"),
    ]


def test_the_ca_is_kept_and_the_server_certificate_is_new(tmp_path: Path) -> None:
    first = issue_certificates(tmp_path, NAMES)
    ca, server = first.ca.read_bytes(), first.server.read_bytes()
    second = issue_certificates(tmp_path, NAMES)
    assert second.ca.read_bytes() == ca
    assert second.server.read_bytes() != server


def test_a_lost_key_means_a_new_ca(tmp_path: Path) -> None:
    ca = issue_certificates(tmp_path, NAMES).ca.read_bytes()
    (tmp_path / "ca.key").unlink()
    paths = issue_certificates(tmp_path, NAMES)
    assert paths.ca.read_bytes() != ca
    load(paths.server).verify_directly_issued_by(load(paths.ca))


def test_keys_are_for_the_owner_only(tmp_path: Path) -> None:
    issue_certificates(tmp_path, NAMES)
    for name in ("ca.key", "server.key"):
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
