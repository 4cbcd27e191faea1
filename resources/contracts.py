"""Compiles the typed contract of a model: `contract.proto` for people, `contract.binpb` to serve.

The compiler (grpcio-tools) is needed where model folders are built, never on a device.
"""

import importlib.util
import subprocess
import sys
import tempfile
from pathlib import Path

import protos
from inference_service.contracts import CONTRACT_FILE, load_contract
from inference_service.contracts import SOURCE_FILE as SOURCE_FILE
from inference_service.description import parse_description
from protos.errors import ConfigurationError

_COMPILE_SECONDS = 60.0


def compile_contract(source: Path) -> bytes:
    """The serialized FileDescriptorSet of `source` and all that it imports; same text, same bytes.

    It may import `protos/contract.proto`, Google's own files and files beside it. Raises
    ConfigurationError naming file and line.
    """
    if importlib.util.find_spec("grpc_tools") is None:
        raise ConfigurationError(
            f"{source.name} cannot be compiled",
            why="the compiler is not installed",
            remedy="pip install grpcio-tools",
        )
    if not source.is_file():
        raise ConfigurationError(f"{source} is not there", remedy="write it, or name another file")
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / CONTRACT_FILE
        _run_compiler(source, target)
        return target.read_bytes()


def add_contract(source: Path, folder: Path) -> None:
    """Puts `source` and its descriptor into the model folder, once they fit its `model.json`.

    Raises ConfigurationError naming the line that is wrong, or what does not fit the model; the
    folder is left as it was.
    """
    description = parse_description((folder / "model.json").read_bytes())
    compiled = compile_contract(source)
    with tempfile.TemporaryDirectory() as trial:
        (Path(trial) / CONTRACT_FILE).write_bytes(compiled)
        load_contract(Path(trial), description)
    (folder / SOURCE_FILE).write_bytes(source.read_bytes())
    (folder / CONTRACT_FILE).write_bytes(compiled)


def _run_compiler(source: Path, target: Path) -> None:
    roots = (source.parent, Path(protos.__file__).parents[1])
    command = [sys.executable, "-m", "grpc_tools.protoc", *(f"-I{root}" for root in roots)]
    command += ["--include_imports", f"--descriptor_set_out={target}", str(source)]
    try:
        ended = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=_COMPILE_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ConfigurationError(
            f"{source} is not compiled after {_COMPILE_SECONDS:.0f} s", remedy="try again"
        ) from error
    if ended.returncode != 0:
        told = [line for line in ended.stderr.splitlines() if ": warning: " not in line]
        raise ConfigurationError(
            f"{source} does not compile",
            why="; ".join(line.rstrip(".") for line in told[:3])
            or f"the compiler ended with {ended.returncode}",
            remedy="mend that line; docs/how-to/typed-contract.md tells what a contract may hold",
        )
