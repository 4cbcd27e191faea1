"""A threshold of single precision parts single-precision values as the one of double precision."""

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from edge_assets.flavours.thresholds import floor32

single = st.floats(width=32, allow_nan=False)


@given(threshold=st.floats(allow_nan=False), value=single)
@example(threshold=1e300, value=1.0)
@example(threshold=-1e300, value=-3.4e38)
@example(threshold=float("inf"), value=float("inf"))
@example(threshold=0.1, value=float(np.float32(0.1)))
def test_every_value_stays_on_its_side(threshold: float, value: float) -> None:
    (rounded,) = floor32(np.array([threshold]))
    assert float(np.float32(rounded)) == rounded
    assert (value <= threshold) == (value <= rounded)
    with np.errstate(over="ignore"):
        near = float(np.nextafter(np.float32(rounded), np.float32(np.inf)))
    assert (near <= threshold) == (near <= rounded)
