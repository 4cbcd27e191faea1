"""Keras: images and tables, stored without code, and asked the same on both sides."""

import io
import os
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
import pytest

os.environ["KERAS_BACKEND"] = "torch"  # else it looks for TensorFlow
pytest.importorskip("keras", reason="pip install -e '.[deep]'")

from edge_assets.core.config_data import PROBABILITIES, Column, Data
from edge_assets.core.config_schema import ModelConfig
from edge_assets.core.images import png_of
from edge_assets.core.parity import compare_outputs
from edge_assets.flavours import flavour_of, keras
from edge_assets.graphs import check_interface
from edge_assets.onnx_session import run
from protos.errors import ConfigurationError, VerificationFailed
from tests.edge_assets.flavours.tables import config_of

K = keras.import_keras()
CLASSES = ("cat", "cow", "dog")


def images_config(classes: tuple[Any, ...] = CLASSES) -> ModelConfig:
    config = config_of(classes=classes, flavour="keras")
    image = Column(name="image", datatype="UINT8", shape=(-1, -1, 3))
    data = Data(source="made up", kind="images", landing="small", columns=(image,))
    return config.model_copy(update={"data": data})


def images(count: int = 20) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    sizes = rng.integers(3, 40, (count, 2))
    made = [png_of(rng.integers(0, 256, (h, w, 3), dtype=np.uint8)) for h, w in sizes]
    return pd.DataFrame({"image": pd.Series(made, dtype="object")})


def network(units: int = len(CLASSES)) -> Any:
    K.utils.set_random_seed(3)
    layers = K.layers
    return K.Sequential(
        [
            K.Input((12, 10, 3)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(4, 3, padding="same", activation="relu"),
            layers.BatchNormalization(),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(units, activation="softmax"),
        ]
    )


@lru_cache(maxsize=1)
def image_graph() -> bytes:
    return bytes(keras.to_onnx(network(), images_config()).SerializeToString())


def same(model: Any, config: ModelConfig, rows: pd.DataFrame) -> None:
    """The artifact answers as the model, whatever number of rows is asked together."""
    graph = keras.to_onnx(model, config)
    check_interface(graph, config)
    expected = keras.predict(model, rows, config)
    actual = run(config, graph.SerializeToString(), rows)
    verdict = compare_outputs(expected, actual, absolute=1e-6, relative=1e-5)
    assert verdict.passed, verdict.reason
    one = run(config, graph.SerializeToString(), rows[:1])
    assert compare_outputs(
        {name: array[:1] for name, array in expected.items()}, one, absolute=1e-6, relative=1e-5
    ).passed


def test_it_runs_on_torch() -> None:
    found: Any = flavour_of("keras")
    assert found is keras
    assert os.environ["KERAS_BACKEND"] == "torch"
    assert K.backend.backend() == "torch"


def test_another_backend_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(K.backend, "backend", lambda: "jax")
    with pytest.raises(ConfigurationError, match="does not run on PyTorch"):
        keras.import_keras()


def test_images_of_any_size_are_scaled_in_the_graph() -> None:
    same(network(), images_config(), images())


def test_the_graph_tells_classes_by_name() -> None:
    config, rows = images_config(), images()
    told = run(config, image_graph(), rows)
    best = np.array(CLASSES)[told[PROBABILITIES].argmax(axis=1)]
    assert told["y"].ravel().tolist() == best.tolist()
    assert told[PROBABILITIES].sum(axis=1) == pytest.approx(np.ones(len(rows)))


def test_classes_may_be_numbers() -> None:
    config, rows = images_config((3, 5, 8)), images()
    same(network(), config, rows)
    assert set(keras.predict(network(), rows, config)["y"].ravel()) <= {3, 5, 8}


@pytest.mark.parametrize("classes", [(), ("a", "b")])
def test_a_table_of_numbers(classes: tuple[str, ...]) -> None:
    config = config_of(
        {"name": "a"}, {"name": "n", "datatype": "INT64"}, classes=classes, flavour="keras"
    )
    layers = K.layers
    seen = K.Input((2,))
    hidden = layers.Dense(5, activation="tanh")(seen)
    last = layers.Dense(2, activation="softmax") if classes else layers.Dense(1)
    rows = pd.DataFrame({"a": np.linspace(-2, 2, 9, dtype=np.float32), "n": range(9)})
    same(K.Model(seen, last(hidden)), config, rows)


def test_nothing_asked_is_nothing_answered() -> None:
    answer = keras.predict(network(), images()[:0], images_config())
    assert answer[PROBABILITIES].shape == (0, 3)
    assert answer["y"].shape == (0, 1)


def test_it_is_stored_and_loaded_without_its_optimiser() -> None:
    model = network()
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(np.zeros((4, 12, 10, 3)), np.array([0, 1, 2, 0]), verbose=0)
    stored = keras.dump(model)
    loaded = keras.load(stored)
    assert not loaded.compiled
    config, rows = images_config(), images()
    before, after = (keras.predict(each, rows, config) for each in (model, loaded))
    assert all((before[name] == after[name]).all() for name in before)
    assert keras.dump(loaded) == stored == keras.dump(model)


def test_equal_models_give_equal_bytes() -> None:
    again = keras.to_onnx(network(), images_config())  # Keras counts on in the names of layers
    assert again.SerializeToString() == image_graph()
    assert b"site-packages" not in image_graph()


def test_code_is_neither_stored_nor_loaded() -> None:
    layers = K.layers
    with_code = K.Sequential([K.Input((2,)), layers.Lambda(lambda x: x * 2), layers.Dense(1)])
    with pytest.raises((ConfigurationError, VerificationFailed)):
        keras.dump(with_code)
    buffer = io.BytesIO(b"no archive")
    with pytest.raises(VerificationFailed, match="the model is not loaded"):
        keras.load(buffer.getvalue())


def test_a_model_of_its_own_class_is_not_stored() -> None:
    class Own(K.Model):  # type: ignore[misc, name-defined]
        def call(self, x: Any) -> Any:
            return x

    with pytest.raises((ConfigurationError, VerificationFailed)):
        keras.dump(Own())


def test_another_number_of_outputs_is_told() -> None:
    rows = images()
    for step in (
        lambda: keras.predict(network(2), rows, images_config()),
        lambda: keras.to_onnx(network(2), images_config()),
    ):
        with pytest.raises(ConfigurationError) as refused:
            step()
        assert "[2], and [3] is needed" in refused.value.why


def test_classes_that_are_not_in_order_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="not in ascending order"):
        keras.predict(network(), images(), images_config(("dog", "cat", "cow")))
