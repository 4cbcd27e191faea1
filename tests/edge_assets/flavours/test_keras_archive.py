"""Archives of Keras: what is let through, and a corpus of what is not."""

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from protos.errors import VerificationFailed

h5py = pytest.importorskip("h5py", reason="pip install -e '.[deep]'")

from edge_assets.flavours import keras_archive  # noqa: E402
from edge_assets.flavours.keras_archive import CONFIG, METADATA, WEIGHTS, check, pack  # noqa: E402

PLAIN: dict[str, Any] = {
    "module": "keras",
    "class_name": "Sequential",
    "registered_name": None,
    "config": {"layers": [{"module": "keras.layers", "class_name": "Dense", "config": {}}]},
}


def weights(write: Callable[[Any], None] = lambda file: None) -> bytes:
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file.create_dataset("layers/dense/0", data=np.zeros(3))
        write(file)
    return buffer.getvalue()


def archive(config: Any = PLAIN, **files: bytes) -> bytes:
    content = {CONFIG: json.dumps(config).encode(), METADATA: b"{}", WEIGHTS: weights()} | files
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        for name, data in content.items():
            made.writestr(name, data)
    return buffer.getvalue()


def why(data: bytes) -> str:
    with pytest.raises(VerificationFailed, match="the model is not loaded") as refused:
        check(data)
    return refused.value.why


def test_layers_of_keras_are_let_through() -> None:
    check(archive())


def layer(**changes: Any) -> dict[str, Any]:
    return {**PLAIN, "config": {"layers": [{"module": "keras.layers", **changes}]}}


@pytest.mark.parametrize(
    ("config", "named"),
    [
        (layer(class_name="Lambda"), "keras.layers.Lambda"),
        (layer(class_name="TorchModuleWrapper"), "TorchModuleWrapper"),
        (layer(module="os", class_name="function", config="system"), "os.function"),
        (layer(module="builtins", class_name="function", config="eval"), "builtins.function"),
        # a function of Keras that fetches and unpacks files (CVE-2025-8747)
        (layer(module="keras.utils", class_name="function", config="get_file"), "keras.utils"),
        (layer(module="keras_extra.layers", class_name="Dense"), "keras_extra.layers.Dense"),
        (layer(class_name="Dense", registered_name="mine>Dense"), "keras.layers.Dense"),
        (layer(module=3, class_name="Dense"), "3.Dense"),
        ({"deep": [[{"a": {"module": "subprocess"}}]]}, "subprocess"),
        ({"class_name": "TFSMLayer"}, "TFSMLayer"),
    ],
)
def test_code_is_refused_by_name(config: Any, named: str) -> None:
    assert named in why(archive(config))


def test_other_files_are_refused() -> None:
    assert "three files" in why(archive(**{"assets/words.txt": b"x"}))
    assert "three files" in why(archive(**{"../../evil": b"x"}))


def test_what_is_no_archive_is_refused() -> None:
    assert "no archive" in why(b"")
    assert "no archive" in why(b"PK\x03\x04 and so on")
    assert "no archive" in why(archive(**{CONFIG: b"{"}))
    assert "cannot be read" in why(archive(**{WEIGHTS: b"no HDF5"}))


def test_a_bomb_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keras_archive, "MAX_BYTES", 1000)
    assert "unpacks to more" in why(archive())


def test_weights_in_other_files_are_refused(tmp_path: Path) -> None:
    def external_link(file: Any) -> None:
        file["secret"] = h5py.ExternalLink("/etc/other.h5", "/data")

    def soft_link(file: Any) -> None:
        file["again"] = h5py.SoftLink("/layers/dense/0")

    def external_data(file: Any) -> None:
        (tmp_path / "raw").write_bytes(bytes(24))
        file.create_dataset("raw", (3,), "f8", external=[(str(tmp_path / "raw"), 0, 24)])

    def virtual(file: Any) -> None:
        layout = h5py.VirtualLayout((3,), "f8")
        layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "data", (3,))
        file.create_virtual_dataset("view", layout)

    for write in (external_link, soft_link, external_data, virtual):
        assert "outside of the archive" in why(archive(**{WEIGHTS: weights(write)}))


def test_the_time_of_saving_does_not_count() -> None:
    first, second = (
        archive(**{METADATA: json.dumps({"keras_version": "3", "date_saved": at}).encode()})
        for at in ("Monday", "Tuesday")
    )
    assert pack(first) == pack(second) == pack(pack(first))
    with zipfile.ZipFile(io.BytesIO(pack(first))) as packed:
        assert json.loads(packed.read(METADATA)) == {"keras_version": "3"}
    check(pack(first))
