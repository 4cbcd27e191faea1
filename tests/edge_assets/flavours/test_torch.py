"""PyTorch: what is stored and converted answers as what was trained, or is refused."""

import io
import pickle
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from edge_assets.core.config_data import PROBABILITIES
from edge_assets.core.parity import compare_outputs
from edge_assets.flavours import flavour_of
from edge_assets.onnx_session import run
from protos.errors import ConfigurationError, VerificationFailed
from tests.edge_assets.flavours.tables import config_of, numbers

torch = pytest.importorskip("torch", reason="torch is not installed: pip install -e '.[deep]'")
pytest.importorskip("onnxscript")
ROWS = numbers(200).fillna(0.0)
FLAVOUR = flavour_of("torch")
CONFIG = config_of(flavour="torch")


class Numbers(torch.nn.Module):  # type: ignore[misc,name-defined]
    """A regression of three columns."""

    def __init__(self, hidden: int = 4) -> None:
        super().__init__()
        self.layers = torch.nn.Sequential(
            torch.nn.Linear(3, hidden), torch.nn.Tanh(), torch.nn.Linear(hidden, 1)
        )
        self.meta: Any = {"hidden": hidden}

    def forward(self, matrix: Any) -> Any:
        return self.layers(matrix)


class Classes(torch.nn.Module):  # type: ignore[misc,name-defined]
    """Two classes of three columns."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(3, 2)
        self.meta: Mapping[str, Any] = {}

    def forward(self, matrix: Any) -> Any:
        probabilities = torch.softmax(self.layer(matrix), dim=1)
        return probabilities.argmax(dim=1, keepdim=True), probabilities


def restore(meta: Mapping[str, Any]) -> Any:
    return Numbers(meta["hidden"])


def model(seed: int = 1, **sizes: int) -> Any:
    torch.manual_seed(seed)
    return Numbers(**sizes).eval()


def zipped(*files: tuple[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as stored:
        for name, content in files:
            stored.writestr(name, content)
    return buffer.getvalue()


def parts(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as stored:
        return {name: stored.read(name) for name in stored.namelist()}


def test_stored_and_loaded_it_answers_the_same() -> None:
    made = model()
    data = FLAVOUR.dump(made)
    again = FLAVOUR.load(data, restore)
    told, wanted = (FLAVOUR.predict(one, ROWS, CONFIG)["y"] for one in (again, made))
    assert np.array_equal(told, wanted)
    assert not again.training
    assert FLAVOUR.dump(again) == data
    assert FLAVOUR.dump(model(seed=2)) != data
    assert sorted(parts(data)) == ["meta.json", "weights.safetensors"]


def test_numbers_answer_as_in_onnx_for_any_number_of_rows() -> None:
    made = model()
    graph = FLAVOUR.to_onnx(made, CONFIG).SerializeToString()
    for count in (1, 2, 200):
        rows = ROWS.head(count)
        told = FLAVOUR.predict(made, rows, CONFIG)
        verdict = compare_outputs(told, run(CONFIG, graph, rows), absolute=1e-5, relative=1e-5)
        assert verdict.passed, verdict.reason
        assert verdict.rows == count


def test_classes_answer_as_in_onnx() -> None:
    torch.manual_seed(1)
    made, config = Classes().eval(), config_of(classes=(0, 1), flavour="torch")
    told = FLAVOUR.predict(made, ROWS, config)
    answer = run(config, FLAVOUR.to_onnx(made, config).SerializeToString(), ROWS)
    assert np.array_equal(told["y"], answer["y"])
    assert answer["y"].shape == (len(ROWS), 1)
    assert np.allclose(told[PROBABILITIES], answer[PROBABILITIES], atol=1e-6)


def test_equal_models_give_equal_graphs() -> None:
    one, two = (
        FLAVOUR.to_onnx(model(), CONFIG).SerializeToString(deterministic=True) for _ in range(2)
    )
    assert one == two


def test_another_number_of_outputs_is_refused() -> None:
    config = config_of(classes=(0, 1), flavour="torch")
    with pytest.raises(ConfigurationError, match=r"gives 1 outputs: .*declares y, probabilities"):
        FLAVOUR.predict(model(), ROWS, config)
    with pytest.raises(ConfigurationError, match="y"):
        FLAVOUR.to_onnx(Classes().eval(), CONFIG)


@pytest.mark.parametrize("meta", [{"hidden": np.float32(1)}, {"hidden": float("nan")}])
def test_what_cannot_be_described_is_not_stored(meta: Mapping[str, Any]) -> None:
    made = model()
    made.meta = meta
    with pytest.raises(ConfigurationError, match="cannot be stored: its attribute meta"):
        FLAVOUR.dump(made)


def test_a_module_without_description_is_not_stored() -> None:
    with pytest.raises(ConfigurationError, match="a Linear cannot be stored"):
        FLAVOUR.dump(torch.nn.Linear(1, 1))


def test_without_restore_nothing_is_loaded() -> None:
    with pytest.raises(ConfigurationError, match="there is no restore"):
        FLAVOUR.load(FLAVOUR.dump(model()), None)


def refused(data: bytes, said: str) -> None:
    with pytest.raises(VerificationFailed, match=said):
        FLAVOUR.load(data, restore)


def test_bytes_that_are_no_model_are_refused() -> None:
    good = parts(FLAVOUR.dump(model()))
    meta, weights = good["meta.json"], good["weights.safetensors"]
    refused(b"", "BadZipFile")
    refused(FLAVOUR.dump(model())[:-30], "BadZipFile")
    refused(zipped(("meta.json", meta)), "it holds meta.json, not")
    extra = ("data.pkl", pickle.dumps({}))
    refused(zipped(("meta.json", meta), ("weights.safetensors", weights), extra), "it holds")
    refused(zipped(("meta.json", b"{"), ("weights.safetensors", weights)), "JSONDecodeError")
    refused(zipped(("meta.json", meta), ("weights.safetensors", weights[:-4])), "SafetensorError")


def test_weights_of_another_module_are_refused() -> None:
    one, other = parts(FLAVOUR.dump(model())), parts(FLAVOUR.dump(model(hidden=7)))
    mixed = {"meta.json": one["meta.json"], "weights.safetensors": other["weights.safetensors"]}
    refused(zipped(*mixed.items()), "weights and meta do not fit")
    refused(zipped(("meta.json", b"{}"), *list(one.items())[1:]), "weights and meta do not fit")


class _Trap:
    """What a pickle would do when it is loaded."""

    opened: Sequence[str] = ()

    def __reduce__(self) -> Any:
        return (_Trap.spring, ())

    @staticmethod
    def spring() -> None:
        _Trap.opened = ["loaded"]


def test_nothing_is_unpickled() -> None:
    trap = pickle.dumps(_Trap())
    saved = io.BytesIO()
    torch.save({"layer": _Trap()}, saved)
    for content in (
        trap,
        saved.getvalue(),
        zipped(("meta.json", trap), ("weights.safetensors", trap)),
    ):
        refused(content, "the trained module is not loaded")
    assert not _Trap.opened


def test_a_zip_that_claims_to_be_huge_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge_assets.flavours.torch.MAX_BYTES", 100)
    refused(FLAVOUR.dump(model()), "larger than 100 bytes")


def test_threads_and_random_state_are_left_as_they_were() -> None:
    from edge_assets.flavours.torch import one_thread

    threads, state = torch.get_num_threads(), torch.random.get_rng_state()

    def disturbed() -> None:
        with one_thread(seed=5):
            assert torch.get_num_threads() == 1
            torch.rand(3)
            raise KeyError

    with pytest.raises(KeyError):
        disturbed()
    assert torch.get_num_threads() == threads
    assert torch.equal(state, torch.random.get_rng_state())
