from pathlib import Path, PurePosixPath

import pytest

from protos.errors import ConfigurationError
from resources.images.dependencies import closure, dependency_entries, is_kept


def install(site: Path, name: str, requires: list[str], *, record: bool = True) -> None:
    info = site / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    lines = [f"Requires-Dist: {line}" for line in requires]
    (info / "METADATA").write_text("\n".join([f"Name: {name}", "Version: 1.0", *lines]) + "\n")
    (site / f"{name}.py").write_text(f"name = {name!r}\n")
    files = [f"{name}.py", f"{info.name}/METADATA", f"{info.name}/RECORD", f"../../bin/{name}"]
    if record:
        (info / "RECORD").write_text("".join(f"{file},,\n" for file in files))


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def test_follows_requirements_whose_marker_is_true(site: Path) -> None:
    install(site, "top_of_test", [
        "Middle.Of-Test>=1",
        'never-of-test; python_version < "3"',
        'extra-of-test; extra == "unwanted"',
    ])  # fmt: skip
    install(site, "middle_of_test", ["leaf-of-test[fast]", "top-of-test"])
    install(site, "leaf_of_test", ['quick-of-test; extra == "fast"', 'slow; extra == "slow"'])
    install(site, "quick_of_test", [])
    assert closure(["top-of-test"]) == [
        "leaf-of-test",
        "middle-of-test",
        "quick-of-test",
        "top-of-test",
    ]


def test_the_service_needs_no_model_making_tools() -> None:
    found = closure(["onnxruntime"])
    assert {"onnxruntime", "numpy", "protobuf", "flatbuffers"} <= set(found)
    assert "sympy" not in found


def test_takes_the_files_on_record_below_a_folder(site: Path) -> None:
    install(site, "plain_of_test", [])
    entries = {entry.path: entry for entry in dependency_entries(["plain-of-test"], "opt/deps")}
    assert sorted(entries) == [
        "opt/deps/plain_of_test-1.0.dist-info/METADATA",
        "opt/deps/plain_of_test.py",
    ]
    assert entries["opt/deps/plain_of_test.py"].content == site / "plain_of_test.py"


def test_what_is_not_installed_is_told(site: Path) -> None:
    install(site, "needy_of_test", ["missing-of-test"])
    with pytest.raises(ConfigurationError, match="missing-of-test is not installed"):
        closure(["needy-of-test"])


def test_what_has_no_record_is_told(site: Path) -> None:
    install(site, "unrecorded_of_test", [], record=False)
    with pytest.raises(ConfigurationError, match="no RECORD"):
        dependency_entries(["unrecorded-of-test"], "opt")


@pytest.mark.parametrize(
    "path",
    [
        "numpy/__init__.py",
        "numpy.libs/libscipy_openblas64_-1.so",
        "onnxruntime/capi/onnxruntime_pybind11_state.cpython-311-x86_64-linux-gnu.so",
        "onnxruntime/capi/libonnxruntime_providers_shared.so",
        "grpc/_cython/_credentials/roots.pem",
        "grpcio-1.0.dist-info/METADATA",
        "grpcio-1.0.dist-info/licenses/LICENSE",
    ],
)
def test_keeps_what_runs(path: str) -> None:
    assert is_kept(PurePosixPath(path))


@pytest.mark.parametrize(
    "path",
    [
        "../../../bin/f2py",
        "/etc/passwd",
        "numpy/tests/test_all.py",
        "numpy/f2py/__init__.py",
        "numpy/_core/include/numpy/ndarrayobject.h",
        "numpy/random/lib/libnpyrandom.a",
        "numpy/__init__.pyi",
        "numpy/__pycache__/x.cpython-311.pyc",
        "onnxruntime/capi/libonnxruntime.so.1.31.1",
        "onnxruntime/transformers/benchmark.py",
        "grpcio-1.0.dist-info/RECORD",
        "grpcio-1.0.dist-info/direct_url.json",
        "distutils-precedence.pth",
    ],
)
def test_leaves_out_what_never_runs(path: str) -> None:
    assert not is_kept(PurePosixPath(path))
