"""A model folder that is broken stops no other model, and is seen."""

import logging
import os
import shutil
from pathlib import Path

import dagster as dg
import pytest

from edge_assets.broken import Broken, build
from edge_assets.core.folders import SHIPPED, survey
from edge_assets.factory import build_definitions, load_chains, load_models
from edge_assets.operate import materialize
from protos.errors import ConfigurationError

GOOD = SHIPPED / "london_taxi"
FILE = "model.yaml"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model of one's own, which is good."""
    made = tmp_path / "taxi"
    shutil.copytree(GOOD, made)
    (made / FILE).write_text((made / FILE).read_text().replace("name: london_taxi", "name: taxi"))
    return made


def break_schema(folder: Path) -> None:
    (folder / FILE).write_text((folder / FILE).read_text() + "\ncolour: red\n")


def break_name(folder: Path) -> None:
    (folder / FILE).write_text((GOOD / FILE).read_text())


def break_code(folder: Path) -> None:
    (folder / "prepare.py").write_text("def (")


BROKEN = pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (break_schema, ", colour: "),
        (break_name, "it names the edge model london_taxi"),
        (break_code, "SyntaxError: invalid syntax (prepare.py, line 1)"),
    ],
)


@BROKEN
def test_the_others_load_and_the_broken_one_says_why(
    folder: Path, spoil: object, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert callable(spoil)
    spoil(folder)
    with caplog.at_level(logging.WARNING, "edge_assets.factory"):
        definitions = build_definitions([folder, GOOD], skip_broken=True)
    assert "the edge model taxi is skipped" in caplog.text
    assert reason in caplog.text

    graph = definitions.resolve_asset_graph()
    keys = {key.to_user_string() for key in graph.get_all_asset_keys()}
    assert "london_taxi/rollout" in keys
    assert {key for key in keys if key.startswith("taxi/")} == {"taxi/broken"}
    node = graph.get(dg.AssetKey(["taxi", "broken"]))
    assert (node.group_name, node.kinds) == ("taxi", {"error"})
    assert reason in (node.description or "")
    assert "Remedy: " in (node.description or "")
    assert any(sensor.name == "london_taxi_new_data" for sensor in definitions.sensors or ())
    assert not any(sensor.name.startswith("taxi") for sensor in definitions.sensors or ())


def test_paths_that_cannot_be_meant_stop_no_other_model(folder: Path, tmp_path: Path) -> None:
    """`folder` is one more model with a name that another has, and a path leads nowhere."""
    twin = tmp_path / "team" / "nyc_taxi"
    shutil.copytree(folder, twin)
    folders, wrong = survey({"EDGE_MODELS": f"{tmp_path / 'none'}{os.pathsep}{tmp_path / 'team'}"})
    assert [*wrong] == [tmp_path / "none", twin]
    good = [folders["nyc_taxi"]]
    graph = build_definitions(good, skip_broken=True, wrong=wrong).resolve_asset_graph()
    keys = {key.to_user_string() for key in graph.get_all_asset_keys()}
    assert {"nyc_taxi/rollout", "nyc_taxi/broken", "none/broken"} <= keys
    told = graph.get(dg.AssetKey(["none", "broken"])).description or ""
    assert "which is no folder" in told
    assert "correct the path" in told
    with pytest.raises(ConfigurationError, match="which is no folder"):
        build_definitions(good, wrong=wrong)


@BROKEN
def test_without_leave_to_skip_it_is_an_error(folder: Path, spoil: object, reason: str) -> None:
    assert callable(spoil)
    spoil(folder)
    with pytest.raises(ConfigurationError) as caught:
        build_definitions([GOOD, folder])
    assert reason in str(caught.value)
    assert caught.value.remedy


def test_chains_are_loaded_strictly(folder: Path) -> None:
    break_schema(folder)
    with pytest.raises(ConfigurationError, match="colour"):
        load_chains([GOOD, folder])


def test_materializing_it_tells_the_error(folder: Path) -> None:
    break_schema(folder)
    _, skipped = load_models([folder])
    with dg.DagsterInstance.ephemeral() as instance:
        run = materialize(
            dg.Definitions(build(skipped)), instance, [dg.AssetKey(["taxi", "broken"])]
        )
    assert not run.success
    (failed,) = (event for event in run.all_events if event.is_step_failure)
    cause = failed.step_failure_data.error
    assert cause is not None
    assert cause.cause is not None
    assert cause.cause.cls_name == "ConfigurationError"
    assert "colour" in cause.cause.message


def test_folders_whose_names_dagster_would_refuse_are_seen_too() -> None:
    error = ConfigurationError("it is wrong")
    found = [Broken(Path(name), error) for name in ("a-b", "a b", "a_b")]
    keys = [asset.key.to_user_string() for asset in build(found)]
    assert keys == ["a_b/broken", "a_b_/broken", "a_b__/broken"]


def test_a_good_model_is_not_skipped(folder: Path) -> None:
    loaded, skipped = load_models([folder])
    assert [each.chain.name for each in loaded] == ["taxi"]
    assert skipped == []
