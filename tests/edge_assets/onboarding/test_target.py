"""What can be predicted, and as what."""

import pandas as pd
import pytest

from edge_assets.onboarding.target import candidates, describe_target, unlabelled
from protos.errors import ConfigurationError


def table(**columns: list[str]) -> pd.DataFrame:
    return pd.DataFrame(columns, dtype="object")


@pytest.mark.parametrize(
    ("cells", "kind", "classes"),
    [
        ([f"{n / 7:.3f}" for n in range(100)], "regression", ()),
        ([str(n) for n in range(100)], "regression", ()),
        (["0", "1"] * 50, "classification", (0, 1)),
        (["1.0", "2.0"] * 50, "classification", (1, 2)),
        (["b", "a"] * 50, "classification", ("a", "b")),
        (["True", "False"] * 50, "classification", ("False", "True")),
    ],
)
def test_kinds(cells: list[str], kind: str, classes: tuple[object, ...]) -> None:
    found = describe_target(table(y=cells), "y", None)
    assert (found.kind, found.classes) == (kind, classes)


def test_kind_overrides() -> None:
    few = table(y=["1", "2", "3", "4"] * 25)
    assert describe_target(few, "y", None).kind == "classification"
    assert describe_target(few, "y", "regression").kind == "regression"
    with pytest.raises(ConfigurationError, match="is no number"):
        describe_target(table(y=["a", "b"] * 20), "y", "regression")
    with pytest.raises(ConfigurationError, match="0 classes"):
        describe_target(table(y=[str(n / 7) for n in range(99)]), "y", "classification")


def test_rare_classes_are_left_out_and_counted() -> None:
    data = table(y=[*["a", "b"] * 20, "c", "", "NA"])
    found = describe_target(data, "y", None)
    assert (found.classes, found.rare, found.missing) == (("a", "b"), ("c",), 2)
    assert unlabelled(data, found) == 3


@pytest.mark.parametrize("cells", [["x"] * 60, [""] * 60])
def test_a_target_that_says_nothing_is_refused(cells: list[str]) -> None:
    with pytest.raises(ConfigurationError, match="nothing to learn"):
        describe_target(table(y=cells), "y", None)


def test_candidates_begin_with_the_usual_names_then_from_the_right() -> None:
    data = table(a=["1.5", "2"] * 30, target=["0", "1"] * 30, b=["x", "y"] * 30, c=["k"] * 60)
    assert candidates(data) == ["target", "b", "a"]
    with pytest.raises(ConfigurationError, match="there is no column 'z'") as told:
        describe_target(data, "z", None)
    assert "target" in told.value.remedy
