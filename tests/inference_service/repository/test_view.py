"""Which of several versions is meant, over any set of them; and the index."""

from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_service.description import ModelDescription
from inference_service.engine import OnnxEngine
from inference_service.errors import ModelNotServing, UnknownModel
from inference_service.repository import (
    ModelState,
    RefusedModel,
    ServedModel,
    View,
    repository_index,
)
from inference_service.repository.view import newest

_ENGINE = cast(OnnxEngine, None)  # nothing here is asked


def _model(version: str, loaded: int, name: str = "m") -> ServedModel:
    return ServedModel(ModelDescription(name, version, "sha256:", (), ()), _ENGINE, loaded)


@given(st.lists(st.integers(0, 10**9 - 1), min_size=1, unique=True).flatmap(st.permutations))
def test_of_numbers_the_greatest_is_the_newest(numbers: list[int]) -> None:
    models = [_model(str(number), place) for place, number in enumerate(numbers)]
    assert newest(models).version == str(max(numbers))


@given(
    st.lists(st.from_regex(r"[0-9a-z.]{1,12}", fullmatch=True), min_size=1, unique=True),
    st.sampled_from(["01", "1.2", "v3", "123456789012", "a1b2", "-1", "１"]),
    st.randoms(),
)
def test_with_any_other_text_the_last_loaded_is_the_newest(
    versions: list[str], other: str, random: Any
) -> None:
    models = [_model(text, place) for place, text in enumerate({*versions, other})]
    random.shuffle(models)
    assert newest(models).loaded == len(models) - 1


@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("123"), st.booleans()), max_size=8),
    st.sampled_from("abc"),
    st.sampled_from(["", "1", "2", "4"]),
)
def test_what_is_found_is_what_was_asked_for(
    entries: list[tuple[str, str, bool]], name: str, version: str
) -> None:
    view = View(
        [
            _model(number, place, known) if good else RefusedModel(known, "bad", number)
            for place, (known, number, good) in enumerate(entries)
        ],
        1,
    )
    wanted = {number for known, number, good in entries if good and known == name}
    if version:
        wanted &= {version}
    assert view.ready(name, version) == bool(wanted)
    if wanted:
        found = view.find(name, version)
        assert (found.name, found.version) == (name, max(wanted))
    else:
        with pytest.raises((UnknownModel, ModelNotServing)) as refused:
            view.find(name, version)
        not_serving = any(known == name for known, _, _ in entries)
        assert isinstance(refused.value, UnknownModel) or not_serving


def test_nothing_at_all_is_not_ready() -> None:
    view = View((), 0)
    assert not view.ready()
    with pytest.raises(UnknownModel, match="no model is here"):
        view.find("m")


def test_many_names_are_cut() -> None:
    view = View([_model("1", place, f"m{place:03}") for place in range(100)], 1)
    with pytest.raises(UnknownModel) as unknown:
        view.find("x" * 1000)
    assert "'m007' and 92 more" in str(unknown.value)
    assert len(str(unknown.value)) < 300


def test_the_index_tells_what_is_served_and_why_not() -> None:
    states: list[ModelState] = [
        _model("1", 1),
        RefusedModel("m", "model.onnx does not have its digest", "2"),
    ]
    answer = repository_index(states)
    assert [(m.name, m.version, m.state, m.reason) for m in answer.models] == [
        ("m", "1", "READY", ""),
        ("m", "2", "UNAVAILABLE", "model.onnx does not have its digest"),
    ]
    assert [model.version for model in repository_index(states, ready=True).models] == ["1"]
