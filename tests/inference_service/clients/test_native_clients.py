"""Clients of other languages, each in a process of its own; Triton's and KServe's among them.

Triton's runs everywhere. The others run where their tools are, and say what is missing where not:

    C++    apt-get install g++ pkg-config libgrpc++-dev protobuf-compiler-grpc
    Node   npm install @grpc/grpc-js @grpc/proto-loader, and NODE_PATH set to its node_modules
    KServe a venv with kserve==0.21.0, and KSERVE_PYTHON set to its python
    h2load apt-get install nghttp2-client
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.inference_service.clients.asking import INFER
from tests.inference_service.harness import Service, running_service, taxi_request

pytestmark = pytest.mark.usefixtures("transport")

_HERE = Path(__file__).parent
_ROOT = _HERE.parents[2]
_REQUESTS = 5000
_PROTO = _ROOT / "protos" / "inference.proto"


def _run(command: Sequence[str | Path], seconds: float = 90.0, **environment: str) -> str:
    done = subprocess.run(
        [str(word) for word in command],
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
        env=os.environ | environment,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_triton_s_clients(service: Service) -> None:
    _run([sys.executable, _HERE / "triton_client.py", service.target])


def test_kserve_s_client(service: Service) -> None:
    python = os.environ.get("KSERVE_PYTHON")
    if not python:
        pytest.skip("KSERVE_PYTHON is not set to the python of a venv with kserve")
    said = _run([python, _HERE / "kserve_client.py", service.target], PYTHONPATH="")
    assert "all answered" in said


def test_the_client_of_node(service: Service) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    found = subprocess.run(
        [node, "-e", "require('@grpc/grpc-js'); require('@grpc/proto-loader')"],
        capture_output=True,
        check=False,
        timeout=30,
        cwd=_HERE / "node",
    )
    if found.returncode != 0:
        pytest.skip("@grpc/grpc-js and @grpc/proto-loader are not on NODE_PATH")
    said = _run([node, _HERE / "node" / "client.js", service.target, _PROTO])
    assert "all answered" in said


@pytest.fixture(scope="session")
def cpp_client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The client in C++, compiled once."""
    tools = {name: shutil.which(name) for name in ("g++", "protoc", "grpc_cpp_plugin")}
    if not all(tools.values()) or not _has_library("grpc++"):
        pytest.skip("g++, protoc, grpc_cpp_plugin and libgrpc++ are not all installed")
    folder = tmp_path_factory.mktemp("cpp")
    plugin = f"--plugin=protoc-gen-grpc={tools['grpc_cpp_plugin']}"
    made = [f"--cpp_out={folder}", f"--grpc_out={folder}", "--experimental_allow_proto3_optional"]
    _run(["protoc", "-I", _ROOT, plugin, *made, _PROTO])
    sources = [_HERE / "cpp" / "client.cc", *sorted((folder / "protos").glob("*.cc"))]
    flags = _run(["pkg-config", "--cflags", "--libs", "grpc++", "protobuf"]).split()
    program = folder / "client"
    _run(["g++", "-std=c++17", "-O0", "-I", folder, "-o", program, *sources, *flags], 240.0)
    return program


def _has_library(name: str) -> bool:
    if shutil.which("pkg-config") is None:
        return False
    command = ["pkg-config", "--exists", name]
    return subprocess.run(command, check=False, timeout=30).returncode == 0


def test_the_client_of_cpp(service: Service, cpp_client: Path) -> None:
    assert "all answered" in _run([cpp_client, service.target])


def test_h2load(transport: str, taxi: Path, tmp_path: Path) -> None:
    """128 in flight. A refusal is a 200 without a body, so the bytes that came are counted too."""
    program = shutil.which("h2load")
    if program is None:
        pytest.skip("h2load is not installed")
    question = taxi_request([2.0], id="h2load")
    message = question.SerializeToString()
    body = tmp_path / "body"
    body.write_bytes(b"\0" + len(message).to_bytes(4, "big") + message)
    words = f"-t 1 -c 8 -m 16 -n {_REQUESTS} -d {body} -H content-type:application/grpc".split()
    with running_service(taxi, INFERENCE_MAX_CONCURRENT="256") as running:
        size = 5 + running.stub.ModelInfer(question, timeout=10).ByteSize()
        said = _run([program, *words, "-H", "te: trailers", f"http://{running.target}{INFER}"])
    assert f"{_REQUESTS} succeeded, 0 failed, 0 errored, 0 timeout" in said
    came = re.search(r"\((\d+)\) data", said)
    assert came is not None
    assert int(came[1]) == _REQUESTS * size
