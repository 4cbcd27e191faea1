"""The features of `build.py` once more, as ONNX nodes: the inputs in, one matrix out."""

from collections.abc import Sequence

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from edge_assets.features.taxi_trips import build as f
from edge_assets.features.taxi_trips.city import City
from edge_assets.features.taxi_trips.columns import DROPOFF, FLOATS, PICKUP, TIMES
from edge_assets.graphs import IR_VERSION, OPSETS

MATRIX = "features"


class _Nodes:
    """Collects nodes; every method returns the name of the tensor that it made."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, onnx.TensorProto] = {}

    def op(self, kind: str, *inputs: str, **attributes: int) -> str:
        output = f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(
            helper.make_node(kind, inputs, [output], None, None, None, None, **attributes)
        )
        return output

    def whole(self, value: int) -> str:
        return self._constant(f"int64_{value}".replace("-", "minus"), np.array(value, np.int64))

    def single(self, value: float) -> str:
        return self._constant(f"float32_{value}", np.array(value, np.float32))

    def double(self, value: float) -> str:
        return self._constant(f"float64_{value}", np.array(value, np.float64))

    def to_single(self, name: str) -> str:
        return self.op("Cast", name, to=TensorProto.FLOAT)

    def at_least(self, name: str, low: str) -> str:
        # not Max: a comparison with NaN is false everywhere, so NaN stays NaN on every runtime
        return self.op("Where", self.op("Less", name, low), low, name)

    def _constant(
        self, name: str, value: "np.ndarray[tuple[int, ...], np.dtype[np.generic]]"
    ) -> str:
        self.constants[name] = numpy_helper.from_array(value, name)
        return name


def preprocessing(
    *, city: City, inputs: Sequence[str], features: Sequence[str] | None = None
) -> onnx.ModelProto:
    """A model from the `inputs` (each [rows, 1], int64 or float32) to `features` [rows, n] float32.

    Equal to `build.build` bit by bit, for any rows, NaN positions and years included.

    Raises:
        ValueError: a name in `features` is no feature, or `inputs` lacks a column.
    """
    chosen = f.feature_names(inputs) if features is None else features
    f.check_features(chosen, inputs)
    g = _Nodes()
    made = {
        name: name if name in FLOATS else g.to_single(name) for name in inputs if name not in TIMES
    }
    for end, time in (("pickup", PICKUP), ("dropoff", DROPOFF)):
        made |= {f"{end}_{part}": g.to_single(t) for part, t in _clock(g, time).items()}
    elapsed = g.op("Sub", DROPOFF, PICKUP)
    made["duration"] = g.to_single(g.at_least(elapsed, g.whole(0)))
    made["straight_distance"] = _straight_distance(g, city)
    hours = g.op("Div", g.at_least(made["duration"], g.single(1)), g.single(3600))
    made["speed"] = g.op("Div", "distance", hours)
    straight = g.at_least(made["straight_distance"], g.single(f.MIN_DISTANCE))
    made["detour"] = g.op("Div", "distance", straight)
    g.nodes.append(helper.make_node("Concat", [made[n] for n in chosen], [MATRIX], axis=1))
    graph = helper.make_graph(
        g.nodes,
        "preprocessing",
        [
            _value(name, TensorProto.FLOAT if name in FLOATS else TensorProto.INT64, 1)
            for name in inputs
        ],
        [_value(MATRIX, TensorProto.FLOAT, len(chosen))],
        list(g.constants.values()),
    )
    opsets = [helper.make_opsetid(domain, version) for domain, version in OPSETS.items()]
    return helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)


def _value(name: str, kind: int, width: int) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, ["rows", width])


def _clock(g: _Nodes, seconds: str) -> dict[str, str]:
    """`build.clock`; ONNX divides integers towards zero, so only what is not negative is."""

    def div(name: str, by: int) -> str:
        return g.op("Div", name, g.whole(by))

    def mod(name: str, by: int) -> str:
        return g.op("Mod", name, g.whole(by))  # fmod=0: the sign of the divisor, as in Python

    def add(name: str, other: str | int) -> str:
        return g.op("Add", name, g.whole(other) if isinstance(other, int) else other)

    def sub(name: str, other: str) -> str:
        return g.op("Sub", name, other)

    def mul(name: str, by: int) -> str:
        return g.op("Mul", name, g.whole(by))

    rest = mod(seconds, f.DAY)
    days = div(sub(seconds, rest), f.DAY)
    day_of_era = mod(add(days, 719_468), 146_097)
    leaps = sub(
        add(sub(day_of_era, div(day_of_era, 1460)), div(day_of_era, 36_524)),
        div(day_of_era, 146_096),
    )
    year_of_era = div(leaps, 365)
    before = sub(add(mul(year_of_era, 365), div(year_of_era, 4)), div(year_of_era, 100))
    day_of_year = sub(day_of_era, before)
    march_month = div(add(mul(day_of_year, 5), 2), 153)
    first_day = div(add(mul(march_month, 153), 2), 5)
    return {
        "weekday": mod(add(days, 3), 7),
        "month": add(mod(add(march_month, 2), 12), 1),
        "monthday": add(sub(day_of_year, first_day), 1),
        "hour": div(rest, 3600),
        "minute": mod(div(rest, 60), 60),
        "second": mod(rest, 60),
    }


def _straight_distance(g: _Nodes, city: City) -> str:
    """`build.straight_distance`, operation by operation, in double precision."""
    lon_a, lat_a, lon_b, lat_b = (
        g.op("Cast", f"{end}_{axis}", to=TensorProto.DOUBLE)
        for end in ("pickup", "dropoff")
        for axis in ("longitude", "latitude")
    )
    middle = g.op("Mul", g.op("Add", lat_a, lat_b), g.double(0.5))
    offset = g.op("Sub", middle, g.double(city.middle_latitude))
    cosine = g.op("Add", g.double(city.cosine), g.op("Mul", g.double(city.cosine_slope), offset))
    scale = g.double(city.units_per_degree)
    east = g.op("Mul", g.op("Mul", g.op("Sub", lon_b, lon_a), cosine), scale)
    north = g.op("Mul", g.op("Sub", lat_b, lat_a), scale)
    squares = g.op("Add", g.op("Mul", east, east), g.op("Mul", north, north))
    return g.to_single(g.op("Sqrt", squares))
