"""A registry for tests: TLS on loopback, all in memory, with faults on demand."""

import base64
import datetime
import hashlib
import ipaddress
import json
import re
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

USER, PASSWORD, TOKEN = "edge", "pass-word", "token-of-the-test"


@dataclass
class Fault:
    """What to do instead of answering, for the next `times` requests that match."""

    method: str
    path: str
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    cut_after: int | None = None
    replace: bytes | None = None
    ignore_range: bool = False
    times: int = 1


@dataclass
class Registry:
    """The state of the registry, for tests to look at and to spoil."""

    address: str = ""
    ca: Path = Path()
    auth: str = "none"
    realm: str = ""
    blobs: dict[tuple[str, str], bytes] = field(default_factory=dict)
    manifests: dict[tuple[str, str], bytes] = field(default_factory=dict)
    types: dict[tuple[str, str], str] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    requests: list[tuple[str, str]] = field(default_factory=list)
    ranges: list[str] = field(default_factory=list)
    token_queries: list[dict[str, list[str]]] = field(default_factory=list)
    blob_redirect: str = ""
    redirected_authorization: list[str | None] = field(default_factory=list)

    def fault(self, method: str, path: str) -> Fault | None:
        for fault in self.faults:
            if fault.times and fault.method == method and fault.path in path:
                fault.times -= 1
                return fault
        return None

    def count(self, method: str, part: str) -> int:
        return sum(m == method and part in path for m, path in self.requests)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    registry: Registry

    def log_message(self, *_: object) -> None:
        pass

    def _serve(self) -> None:
        registry, url = self.registry, urlsplit(self.path)
        registry.requests.append((self.command, self.path))
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = registry.fault(self.command, self.path)
        if fault and fault.status:
            return self._answer(fault.status, b"{}", fault.headers)
        if fault and fault.cut_after is None and not fault.ignore_range and fault.replace is None:
            self.close_connection = True
            self.connection.shutdown(2)
            return None
        if url.path == "/token":
            return self._token(parse_qs(url.query))
        if url.path.startswith("/elsewhere/"):
            registry.redirected_authorization.append(self.headers.get("Authorization"))
            key = tuple(url.path.removeprefix("/elsewhere/").rsplit("/", 1))
            return self._answer(200, registry.blobs[key[0], key[1]])
        if not self._authorized():
            return None
        if found := re.fullmatch(r"/v2/(.+)/blobs/uploads/?(.*)", url.path):
            return self._upload(found[1], found[2], parse_qs(url.query), body)
        if found := re.fullmatch(r"/v2/(.+)/blobs/(sha256:.+)", url.path):
            return self._blob((found[1], found[2]), fault)
        if found := re.fullmatch(r"/v2/(.+)/manifests/(.+)", url.path):
            return self._manifest((found[1], found[2]), body, fault)
        return self._answer(404)

    do_GET = do_HEAD = do_PUT = do_POST = _serve  # noqa: N815

    def _upload(self, name: str, upload: str, query: dict[str, list[str]], body: bytes) -> None:
        if self.command == "POST":
            mount, source = query.get("mount", [""])[0], query.get("from", [""])[0]
            if (source, mount) in self.registry.blobs:
                self.registry.blobs[name, mount] = self.registry.blobs[source, mount]
                return self._answer(201)
            location = f"/v2/{name}/blobs/uploads/one?state=x"
            return self._answer(202, b"", {"Location": location})
        digest = query["digest"][0]
        if "sha256:" + hashlib.sha256(body).hexdigest() != digest:
            return self._answer(400, b'{"errors":[{"code":"DIGEST_INVALID"}]}')
        self.registry.blobs[name, digest] = body
        return self._answer(201)

    def _blob(self, key: tuple[str, str], fault: Fault | None) -> None:
        data = self.registry.blobs.get(key)
        if data is None:
            return self._answer(404)
        if self.command == "HEAD":
            return self._answer(200, b"", {"Content-Length": str(len(data))})
        if self.registry.blob_redirect:
            location = f"{self.registry.blob_redirect}/elsewhere/{key[0]}/{key[1]}"
            return self._answer(307, b"", {"Location": location})
        if fault and fault.replace is not None:
            return self._answer(200, fault.replace)
        start, wanted = 0, self.headers.get("Range", "")
        self.registry.ranges.append(wanted)
        if wanted and not (fault and fault.ignore_range):
            start = int(wanted.removeprefix("bytes=").rstrip("-"))
        part = data[start:]
        headers = {"Content-Range": f"bytes {start}-{len(data) - 1}/{len(data)}"} if start else {}
        if fault and fault.cut_after is not None:
            self._head(206 if start else 200, {**headers, "Content-Length": str(len(part))})
            self.wfile.write(part[: fault.cut_after])
            self.wfile.flush()
            self.close_connection = True
            self.connection.shutdown(2)
            return None
        return self._answer(206 if start else 200, part, headers)

    def _manifest(self, key: tuple[str, str], body: bytes, fault: Fault | None) -> None:
        name, _ = key
        digest = "sha256:" + hashlib.sha256(body).hexdigest()
        if self.command == "PUT":
            for reference in (key[1], digest):
                self.registry.manifests[name, reference] = body
                self.registry.types[name, reference] = self.headers["Content-Type"]
            return self._answer(201, b"", {"Docker-Content-Digest": digest})
        data = self.registry.manifests.get(key)
        if data is None:
            return self._answer(404)
        data = fault.replace if fault and fault.replace is not None else data
        return self._answer(200, data, {"Content-Type": self.registry.types[key]})

    def _token(self, query: dict[str, list[str]]) -> None:
        self.registry.token_queries.append(query)
        wanted = self.headers.get("Authorization", "")
        if wanted and wanted != _basic(USER, PASSWORD):
            return self._answer(401)
        return self._answer(200, json.dumps({"token": TOKEN}).encode())

    def _authorized(self) -> bool:
        registry, given = self.registry, self.headers.get("Authorization")
        challenge = {
            "basic": 'Basic realm="test"',
            "bearer": f'Bearer realm="{registry.realm}",service="test",scope="repository:a:pull"',
        }.get(registry.auth)
        right = {"basic": _basic(USER, PASSWORD), "bearer": f"Bearer {TOKEN}"}.get(registry.auth)
        if challenge is None or given == right:
            return True
        self._answer(401, b"{}", {"WWW-Authenticate": challenge})
        return False

    def _answer(
        self, status: int, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> None:
        self._head(status, {"Content-Length": str(len(body)), **(headers or {})})
        if self.command != "HEAD":
            self.wfile.write(body)

    def _head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        self.end_headers()


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@contextmanager
def running_registry(folder: Path, certificate: tuple[Path, Path]) -> Iterator[Registry]:
    registry = Registry()
    handler = type("Handler", (_Handler,), {"registry": registry})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    registry.address, registry.ca = f"localhost:{server.server_port}", certificate[0]
    registry.realm = f"https://{registry.address}/token"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield registry
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """A self-signed certificate for localhost, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "certificate.pem", folder / "key.pem"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return paths
