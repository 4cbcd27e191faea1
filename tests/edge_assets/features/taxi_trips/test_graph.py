"""Training and serving cannot differ: pandas and ONNX give the same features, bit by bit."""

from collections.abc import Callable
from functools import cache

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edge_assets.features.taxi_trips.build import build, feature_names
from edge_assets.features.taxi_trips.columns import COORDINATES, FLOATS
from edge_assets.features.taxi_trips.graph import preprocessing
from tests.edge_assets.features.taxi_trips.cities import CITIES, Trips, any_row, edge_rows

Run = Callable[[pd.DataFrame], NDArray[np.float32]]


@cache
def runner(trips: Trips) -> Run:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    graph = preprocessing(city=trips.city, inputs=trips.inputs)
    session = onnxruntime.InferenceSession(
        graph.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )

    def run(rows: pd.DataFrame) -> NDArray[np.float32]:
        feed = {name: rows[name].to_numpy().reshape(-1, 1) for name in trips.inputs}
        answer: NDArray[np.float32] = session.run(None, feed)[0]
        return answer

    return run


def same_bits(one: NDArray[np.float32], other: NDArray[np.float32]) -> bool:
    """Bit by bit, but for the payload of NaN, which IEEE 754 leaves open."""
    unknown = np.isnan(one)
    return bool(
        (unknown == np.isnan(other)).all()
        and (one.view(np.uint32)[~unknown] == other.view(np.uint32)[~unknown]).all()
    )


@pytest.mark.parametrize("trips", CITIES, ids=str)
def test_features_are_equal_bit_by_bit(trips: Trips) -> None:
    rows = trips.rows(3000)
    for part in (rows, edge_rows(rows, trips.inputs)):
        built = build(part, city=trips.city, inputs=trips.inputs).to_numpy()
        assert same_bits(runner(trips)(part), built)


@pytest.mark.parametrize("trips", CITIES, ids=str)
def test_another_city_has_other_features(trips: Trips) -> None:
    """What the test above would see, were the graph made for another city than the rows."""
    rows = trips.rows(100)
    other = next(one for one in CITIES if one is not trips).city
    assert not same_bits(
        runner(trips)(rows), build(rows, city=other, inputs=trips.inputs).to_numpy()
    )


@pytest.mark.parametrize("trips", CITIES, ids=str)
@given(
    st.integers(-(10**11), 10**11),
    st.integers(-(10**5), 10**5),
    st.floats(0, 1e6, width=32),
    st.tuples(*[st.floats(-180, 180, width=32) | st.just(float("nan"))] * 4),
)
@settings(max_examples=80, deadline=None)
def test_features_are_equal_for_any_trip(
    trips: Trips, pickup: int, duration: int, distance: float, position: tuple[float, ...]
) -> None:
    row = any_row(
        trips.inputs,
        pickup_datetime=pickup,
        dropoff_datetime=pickup + duration,
        distance=distance,
        **dict(zip(COORDINATES, position, strict=True)),
    )
    built = build(row, city=trips.city, inputs=trips.inputs).to_numpy()
    assert same_bits(runner(trips)(row), built)


@pytest.mark.parametrize("trips", CITIES, ids=str)
def test_inputs_and_features_have_their_names_types_and_free_rows(trips: Trips) -> None:
    chosen = ["speed", "distance"]
    graph = preprocessing(city=trips.city, inputs=trips.inputs, features=chosen).graph
    assert tuple(value.name for value in graph.input) == trips.inputs
    for value in graph.input:
        wanted = onnx.TensorProto.FLOAT if value.name in FLOATS else onnx.TensorProto.INT64
        assert value.type.tensor_type.elem_type == wanted
        assert value.type.tensor_type.shape.dim[0].dim_param == "rows"
    assert graph.output[0].type.tensor_type.shape.dim[1].dim_value == len(chosen)


def test_a_feature_that_is_none_is_refused_on_both_sides() -> None:
    trips = CITIES[0]
    assert "tip" not in feature_names(trips.inputs)
    with pytest.raises(ValueError, match="no such feature: tip"):
        preprocessing(city=trips.city, inputs=trips.inputs, features=["tip"])
    with pytest.raises(ValueError, match="no such feature: tip"):
        build(trips.rows(20), city=trips.city, inputs=trips.inputs, features=["tip"])
