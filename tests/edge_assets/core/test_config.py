from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from edge_assets.core.config import load_model_config
from edge_assets.core.config_schema import ModelConfig
from protos.errors import ConfigurationError

SHIPPED = Path(__file__).parents[3] / "edge_assets" / "models" / "nyc_taxi" / "model.yaml"
COMMENT = "# `edgectl data sample` and the demo."
"""A line of it that says nothing to the reader: in its place a section can be put."""


def _refused(tmp_path: Path, text: str | bytes) -> str:
    file = tmp_path / "model.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigurationError) as caught:
        load_model_config(file)
    assert caught.value.remedy
    assert str(file) in str(caught.value)
    return str(caught.value)


def _line_of(text: str, piece: str) -> int:
    return next(n for n, line in enumerate(text.splitlines(), 1) if piece in line)


def test_the_shipped_file_is_read_and_frozen() -> None:
    config = load_model_config(SHIPPED)
    assert config.name == "nyc_taxi"
    assert [ring.name for ring in config.rollout.rings] == ["canary", "early", "broad"]
    assert config.floors["rmse"].max == 4.0
    with pytest.raises(ValidationError):
        config.name = "other"


@pytest.mark.parametrize(
    ("old", "new", "place", "told"),
    [
        ("share: 0.2\n", "share: 1.2\n", "holdout.share", "less than 1"),
        ("share: 0.2\n", "shear: 0.2\n", "holdout.shear", "no such key, did you mean share?"),
        ("interval_seconds: 30", "interval_seconds: soon", "smoke_test.interval_seconds", "number"),
        ("r2: {min: 0.85}", "r2: {}", "floors.r2", "min, max or both"),
        ("rmse: {max: 4.0}", "rmse: {min: 5, max: 4.0}", "floors.rmse", "no model can pass"),
        ("max_failed: 0.05", "max_failed: 5", "rollout.rings.2.max_failed", "less than or equal"),
        ("deadline_seconds: 600", "deadline_seconds: 20", "rollout.rings.0", "longer than soak"),
        ("name: early", "name: canary", "rollout", "named twice"),
        ("sample: {rows", "sample: {row", "sample.row", "no such key, did you mean rows?"),
        ("flavour: sklearn", "flavour: sclearn", "flavour", "'sklearn'"),
        ("target: fare\n", "target: fare\n  kind: classification\n", "prediction", "classes are"),
        (
            "columns: [passengers",
            "columns: [passenger",
            "drift.columns.0",
            "did you mean passengers?",
        ),
        ("error: absolute", "error: brier", "champion.error", "does not fit a regression"),
        (
            "datatype: INT64, minimum: 0, maximum: 99, about: who",
            "datatype: BOOL, minimum: 0, maximum: 99, about: who",
            "data.columns.0",
            "are for numbers, not for BOOL",
        ),
        ("min_effect: 0.1", "min_effect: .nan", "drift.min_effect", "finite number"),
        (
            COMMENT,
            "performance: {max_lost: 9}",
            "performance.max_lost",
            "no such key, did you mean max_loss",
        ),
        (
            COMMENT,
            "performance: {max_loss: -0.1}",
            "performance.max_loss",
            "greater than or equal to 0",
        ),
        (
            COMMENT,
            "performance: {confidence: 0.9999}",
            "performance",
            "2000 resamples cannot show a confidence of 0.9999",
        ),
        ("name: vendor, datatype: INT64", "name: vendor, datatype: INT", "data.columns.0", "INT64"),
        ("maximum: 99, about: who", "maximum: -1, about: who", "data.columns.0", "above maximum"),
        ("name: passengers", "name: vendor", "data", "columns named twice: vendor"),
        (
            "target: fare",
            "target: distance",
            "prediction.target",
            "target distance is among the columns",
        ),
    ],
)
def test_a_mistake_is_told_with_line_and_key(
    tmp_path: Path, old: str, new: str, place: str, told: str
) -> None:
    text = SHIPPED.read_text()
    assert old in text
    broken = text.replace(old, new, 1)
    message = _refused(tmp_path, broken)
    assert place in message
    assert told in message
    if place.split(".")[-1].isalpha() and place not in ("data", "prediction", "rollout"):
        assert f"line {_line_of(broken, new.strip())}, " in message


@pytest.mark.parametrize(
    ("where", "place", "told"),
    [
        ("where: {country: NO}", "data.where.country", "False is no text and no number: write it"),
        ("where: {day: 2026-01-01}", "data.where.day", "2026-01-01 is no text and no number"),
        ("where: {zone: ' '}", "data.where.zone", "no row has an empty value"),
        ("where: {fare: 7}", "data.where.fare", "the target cannot choose the rows"),
        ("kind: images\n  where: {zone: 7}", "data.where", "only of tables are rows chosen"),
        ("where: zone", "data.where", "valid dictionary"),
    ],
)
def test_rows_are_chosen_by_texts_and_numbers(
    tmp_path: Path, where: str, place: str, told: str
) -> None:
    text = SHIPPED.read_text().replace("  landing:", f"  {where}\n  landing:", 1)
    message = _refused(tmp_path, text)
    assert f"line {_line_of(text, 'where: ')}, {place}: " in message
    assert told in message


def test_rows_may_be_chosen_by_several_columns(tmp_path: Path) -> None:
    file = tmp_path / "model.yaml"
    chosen = "  where: {zone: 7, site: Ulm, tariff: 1.5}\n  landing:"
    file.write_text(SHIPPED.read_text().replace("  landing:", chosen, 1))
    where = load_model_config(file).data.where
    assert where == {"zone": 7, "site": "Ulm", "tariff": 1.5}
    assert isinstance(where["zone"], int)
    assert load_model_config(SHIPPED).data.where == {}


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("owner:", "ownr:", "ownr: there is no such key, did you mean owner?"),
        ("proven_share: 1.0", "proven: 1.0", "rollout.rings.0.proven: there is no such key, did"),
        ("rmse: {max: 4.0}", "rmse: {maxi: 4.0}", "floors.rmse.maxi: there is no such key, did"),
        ("name: passengers,", "name: riders,", "drift.columns.0: drift watches passengers, no col"),
    ],
)
def test_what_was_meant_is_guessed_and_the_line_is_that_of_the_mistake(
    tmp_path: Path, old: str, new: str, told: str
) -> None:
    text = SHIPPED.read_text()
    assert old in text
    broken = text.replace(old, new, 1)
    line = _line_of(broken, "columns: [passengers" if "drift" in told else new)
    assert f"line {line}, {told}" in _refused(tmp_path, broken)


def test_a_missing_section_is_named(tmp_path: Path) -> None:
    content = yaml.safe_load(SHIPPED.read_text())
    del content["budget"]
    assert "budget: Field required" in _refused(tmp_path, yaml.safe_dump(content))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: 1\nb: 2\na: 3\n", ":3 names a again: it is already on line 1"),
        ("x:\n  - {a: 1, a: 2}\n", ":2 names a again"),
        ("a: [1\nb: 2\n", ":2 is not YAML"),
        ("a: !!python/object:os.system x\n", "is not YAML"),
        ("", "no keys"),
        ("- a\n", "no keys"),
        (b"\xff\xfe\x00", "not UTF-8"),
        ("#" * ((1 << 20) + 1), "larger than"),
        ("[" * 20_000, "is not YAML"),
    ],
)
def test_what_is_no_model_yaml(tmp_path: Path, text: str | bytes, told: str) -> None:
    assert told in _refused(tmp_path, text)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read: No such file"):
        load_model_config(tmp_path / "model.yaml")


def test_the_schema_can_be_published() -> None:
    schema = ModelConfig.model_json_schema()
    assert schema["additionalProperties"] is False
    assert "rollout" in schema["required"]
