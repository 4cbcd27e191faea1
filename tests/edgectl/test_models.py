import pytest

from edgectl.fleet_view import natural
from edgectl.models import chosen_model, deployed_among, first_model, shown_models
from protos.errors import ConfigurationError


@pytest.fixture(autouse=True)
def two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgectl.models.known_models", lambda: ["a", "a_b"])


def test_the_named_model_is_meant() -> None:
    assert chosen_model("a_b", list) == "a_b"
    with pytest.raises(ConfigurationError, match="known are: a, a_b"):
        chosen_model("c", list)


def test_the_only_one_that_is_deployed_need_not_be_named() -> None:
    assert chosen_model(None, lambda: ["a"]) == "a"
    assert chosen_model(None, list) == "a"
    with pytest.raises(ConfigurationError, match="deployed are: a, a_b"):
        chosen_model(None, lambda: ["a", "a_b"])


def test_the_only_one_that_is_known_needs_no_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgectl.models.known_models", lambda: ["a"])
    assert chosen_model(None, lambda: pytest.fail("asked the hub")) == "a"


def test_what_is_shown() -> None:
    assert shown_models("a", lambda: ["a_b"]) == ["a"]
    assert shown_models(None, lambda: ["a", "a_b"]) == ["a", "a_b"]
    assert shown_models(None, list) == ["a"]
    assert first_model(["x", "nyc_taxi"]) == "nyc_taxi"


def test_releases_are_found_by_their_configurations() -> None:
    ids = ["edge-assets-base-0123", "a_b-r0002-abcdefabcdef", "other-r0001-abcdefabcdef"]
    assert deployed_among(ids, ["a", "a_b"]) == ["a_b"]


def test_devices_sort_as_people_count() -> None:
    assert sorted(["line-10", "line-9", "b"], key=natural) == ["b", "line-9", "line-10"]
