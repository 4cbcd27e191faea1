import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edge_assets.features.taxi_trips.trees import floor32


@given(st.floats(allow_nan=False))
def test_a_rounded_threshold_divides_all_float32_alike(threshold: float) -> None:
    (rounded,) = floor32(np.array([threshold]))
    assert rounded == np.float32(rounded)
    with np.errstate(over="ignore"):
        near = np.float32(threshold)
        neighbours = [np.nextafter(near, np.float32(end)) for end in (-np.inf, np.inf)]
    for value in (near, *neighbours):
        assert (float(value) <= threshold) == (float(value) <= rounded)
