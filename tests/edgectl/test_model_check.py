"""`edgectl model check`: each check passes on a good model, and fails on a broken one."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
import sklearn.datasets

from edge_assets.core.functions import find_function
from edge_assets.edge_model import EdgeModel
from edge_assets.onboarding.checking import Outcome, check_model, contract, exit_code
from edge_assets.onboarding.checking.judging import judge_outputs
from edge_assets.onboarding.checking.served import load_served
from edge_assets.onboarding.folder import staged
from edge_assets.onboarding.from_table import make_from_table
from edge_assets.onboarding.reading import as_text
from edge_assets.onboarding.target import describe_target
from edge_assets.onnx_session import run
from edge_assets.served_folder import served_files

from .conftest import Runner

ROWS = 250


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    table = as_text(sklearn.datasets.load_iris(as_frame=True).frame)
    place = tmp_path_factory.mktemp("good") / "flowers"
    with staged(place) as stage:
        make_from_table(
            stage, place, table, describe_target(table, "target", None), "iris.csv", 50077
        )
    change(place, "model.yaml", "max_iter: 150", "max_iter: 8")
    change(place, "model.yaml", "max_leaf_nodes: 15", "max_leaf_nodes: 4")
    return place


@pytest.fixture
def broken(good: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy to break; its functions are imported in this process, which takes no seconds."""

    def import_here(folder: Path) -> tuple[list[str], list[str], str]:
        steps = EdgeModel.load(folder).config.entrypoints.model_dump()
        return [s for s, r in steps.items() if find_function(folder, r)], [], ""

    monkeypatch.setattr(contract, "import_alone", import_here)
    copy = tmp_path / "flowers"
    shutil.copytree(good, copy)
    yield copy
    for name in [name for name in sys.modules if name.startswith("edge_models.")]:
        del sys.modules[name]


def change(folder: Path, file: str, old: str, new: str) -> None:
    text = (folder / file).read_text()
    assert old in text, f"{old} is not in {file}"
    (folder / file).write_text(text.replace(old, new))


def failed(folder: Path, rows: int = ROWS) -> list[str]:
    return [outcome.name for outcome in check_model(folder, rows=rows) if outcome.failed]


def test_a_good_model_passes_every_check(good: Path, edgectl: Runner) -> None:
    done = edgectl("model", "check", str(good), "--rows", str(ROWS), "--json")
    assert done.code == 0, done.out
    found = done.json
    assert (found["failed"], found["not_proven"]) == ([], [])
    assert {check["name"] for check in found["checks"]} >= {
        "model.yaml", "functions", "imports", "sample", "delivery", "prepare", "bad rows",
        "leakage", "train", "store", "predict", "floors", "to_onnx", "size", "parity", "edges",
        "batches", "served", "latency", "test_sample_is_reproducible",
    }  # fmt: skip


PREDICT = """

def predict(model, rows):
    import numpy as np
    names = list(model.feature_names_in_)
    scores = model.predict_proba(rows[names])
    label = model.predict(rows[names])
    {}
    return {{"target": label, "probabilities": scores.astype("float32")}}
"""
TO_ONNX = """
from pathlib import Path
from edge_assets.edge_model import EdgeModel
from edge_assets.flavours import sklearn

def to_onnx(model):
    from onnx import helper
    graph = sklearn.to_onnx(model, EdgeModel.load(Path(__file__).parent).config)
{}
    return graph
"""
BY_BATCH = """
    for node in graph.graph.node:
        if node.output[0] == "probabilities":
            node.output[0] = "alone"
    more = [
        helper.make_node("Shape", ["target"], ["sizes"]),
        helper.make_node("ReduceMax", ["sizes"], ["most"], keepdims=0),
        helper.make_node("Cast", ["most"], ["number"], to=1),
        helper.make_node("Log", ["number"], ["log"]),
        helper.make_node("Add", ["alone", "log"], ["probabilities"]),
    ]
    graph.graph.node.extend(more)
"""
PREPARE = """
from pathlib import Path
from edge_assets.core.config import load_model_config
from edge_assets.core.preparing import prepare_table

def prepare(raw):
    config = load_model_config(Path(__file__).with_name("model.yaml"))
    kept, aside = prepare_table(raw, config.data, config.prediction)
    {}
    return kept, aside
"""
SAMPLE = """
from pathlib import Path
import pandas as pd

def sample(rows, seed, shift):
    data = pd.read_parquet(Path(__file__).with_name("data.parquet"))
    return data.sample(rows, replace=True, random_state=seed).reset_index(drop=True)
"""
FAR = """far = rows[["petal_width_cm"]].to_numpy() > 3
    scores = np.where(far, 1 / 3, scores)"""
NOISE = """import numpy as np
    noise = np.random.default_rng().uniform(0, 0.01, len(kept)).astype("float32")
    kept = kept.assign(sepal_width_cm=kept.sepal_width_cm + noise)"""
KEEP_ALL = """import pandas as pd
    more = kept.iloc[[0] * len(aside)].set_axis(aside.index)
    aside, kept = aside.iloc[:0], pd.concat([kept, more])"""
YAML = {
    "leakage": ("  max_set_aside_share", "  leaking: [petal_width_cm]\n  max_set_aside_share"),
    "floors": ("accuracy: {min: 0.", "accuracy: {min: 0.999"),
    "latency": ("latency_p95_ms: 50.0", "latency_p95_ms: 0.0000001"),
}  # fmt: skip


@pytest.mark.parametrize("gate", ["leakage", "floors", "latency"])
def test_gates_by_model_yaml(broken: Path, gate: str) -> None:
    change(broken, "model.yaml", *YAML[gate])
    outcomes = list(check_model(broken, rows=ROWS))
    assert [outcome.name for outcome in outcomes if outcome.failed] == [gate]
    assert exit_code(outcomes) == 3


def test_the_size_gate(broken: Path) -> None:
    text = (broken / "model.yaml").read_text()
    start = text.index("model_bytes: ") + len("model_bytes: ")
    end = text.index(",", start)
    (broken / "model.yaml").write_text(f"{text[:start]}9{text[end:]}")
    assert failed(broken) == ["size"]


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("predict", "scores = scores * 2"),
        ("predict", "scores[:, 0] = np.nan"),
        ("predict", 'label = np.full(len(rows), 9)'),
        ("parity", "scores = scores * 0.99 + 0.01 / 3"),
        ("edges", FAR),
    ],
)  # fmt: skip
def test_predictions_that_do_not_fit(broken: Path, name: str, body: str) -> None:
    with (broken / "train.py").open("a") as file:
        file.write(PREDICT.format(body))
    found = failed(broken)
    assert found[0] == name
    assert name != "edges" or found == ["edges"]


def test_a_graph_whose_answers_depend_on_the_other_rows(broken: Path) -> None:
    (broken / "to_onnx.py").write_text(TO_ONNX.format(BY_BATCH))
    assert {"parity", "batches"} <= set(failed(broken))


def test_a_conversion_that_gives_other_bytes_each_time(broken: Path) -> None:
    line = "    import secrets\n    graph.doc_string = secrets.token_hex()"
    (broken / "to_onnx.py").write_text(TO_ONNX.format(line))
    assert failed(broken) == ["to_onnx"]


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("prepare", "kept = kept.iloc[1:]"),
        ("prepare", "aside = kept.head(9).assign(reason='x')"),
        ("prepare", NOISE),
        ("bad rows", KEEP_ALL),
    ],
)  # fmt: skip
def test_preparing_that_loses_changes_or_keeps_too_much(broken: Path, name: str, body: str) -> None:
    (broken / "sample.py").write_text(SAMPLE)
    assert failed(broken, rows=ROWS) == []
    (broken / "prepare.py").write_text(PREPARE.format(body))
    for module in ("prepare", "sample"):
        sys.modules.pop(f"edge_models.flowers.{module}", None)
    importlib.invalidate_caches()
    assert failed(broken)[0] == name


def test_training_that_is_never_the_same(broken: Path) -> None:
    change(
        broken,
        "train.py",
        "trees.fit(rows[list(features)]",
        "trees.fit(rows[list(features)] * __import__('random').uniform(0.5, 1.5)",
    )
    assert failed(broken)[0] == "train"


def test_a_sample_that_is_never_the_same(broken: Path) -> None:
    change(
        broken,
        "sample.py",
        "rows, seed, shift)",
        "rows, __import__('secrets').randbelow(10**6), shift)",
    )
    assert "sample" in failed(broken)


def test_a_model_that_cannot_be_stored(broken: Path) -> None:
    change(broken, "train.py", "return trees.fit(", "trees.note = print\n        return trees.fit(")
    found = [o for o in check_model(broken, rows=ROWS) if o.failed]
    assert found
    assert exit_code(found) == 1


def test_own_tests_are_run(broken: Path) -> None:
    with (broken / "tests" / "test_flowers.py").open("a") as file:
        file.write("\n\ndef test_mine() -> None:\n    assert 1 + 1 == 3, 'sums'\n")
    found = [o for o in check_model(broken, rows=ROWS) if o.failed]
    assert [(o.name, "sums" in o.reason) for o in found] == [("test_mine", True)]
    assert failed_without_own(broken) == []


def failed_without_own(folder: Path) -> list[str]:
    found = check_model(folder, rows=ROWS, own_tests=False)
    return [outcome.name for outcome in found if outcome.failed]


def test_a_model_yaml_that_is_wrong_is_told_with_its_line(broken: Path, edgectl: Runner) -> None:
    change(broken, "model.yaml", "owner:", "ownr:")
    done = edgectl("model", "check", str(broken))
    assert done.code == 1
    assert "ownr" in done.out


def test_functions_that_bring_dagster_or_cannot_be_imported(good: Path, tmp_path: Path) -> None:
    copy = tmp_path / "flowers"
    shutil.copytree(good, copy)
    change(copy, "train.py", "import pandas as pd", "import pandas as pd\nimport dagster")
    outcomes = {outcome.name: outcome for outcome in islice(check_model(copy, rows=ROWS), 3)}
    assert outcomes["imports"].failed
    assert "dagster" in outcomes["imports"].reason
    change(copy, "train.py", "import dagster", "import no_such_module")
    outcomes = {outcome.name: outcome for outcome in check_model(copy, rows=ROWS)}
    assert outcomes["functions"].failed
    assert list(outcomes) == ["model.yaml", "functions"]


def first_failure(folder: Path) -> Outcome:
    found = check_model(folder, rows=ROWS, own_tests=False)
    return next(outcome for outcome in found if outcome.failed)


def test_an_error_of_a_function_is_told_with_its_line_and_a_remedy(
    broken: Path, edgectl: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(broken, "train.py", "    trees = ", "    rows = rows[['nope']]\n    trees = ")
    lines = (broken / "train.py").read_text().splitlines()
    line = next(n for n, text in enumerate(lines, 1) if "nope" in text)
    monkeypatch.delenv("EDGE_DEBUG", raising=False)
    done = edgectl("model", "check", str(broken), "--rows", str(ROWS))
    assert (done.code, "Traceback" in done.err) == (1, False)
    assert f"training      FAILED      train.py:{line} in train: KeyError: " in done.out
    assert "To mend it: run it in a debugger, or with EDGE_DEBUG=1" in done.out
    monkeypatch.setenv("EDGE_DEBUG", "1")
    again = edgectl("model", "check", str(broken), "--rows", str(ROWS))
    assert "Traceback (most recent call last)" in again.err
    assert "in train\n" in again.err


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("return kept", "must return (kept, set_aside): it returns DataFrame"),
        ("return kept, aside, raw", "must return (kept, set_aside): it returns (DataFrame, Da"),
        ("return kept.rename(columns={'petal_width_cm': 'Width'}), aside", "there is no column "
         "petal_width_cm; not declared are Width"),
        ("return kept.iloc[9:], kept.iloc[:9]", "without the column reason"),
    ],
)  # fmt: skip
def test_tables_of_another_shape_from_prepare(broken: Path, body: str, told: str) -> None:
    (broken / "sample.py").write_text(SAMPLE)
    (broken / "prepare.py").write_text(PREPARE.format(body))
    importlib.invalidate_caches()
    found = first_failure(broken)
    assert found.name == "prepare"
    assert told in found.reason


def test_a_train_that_returns_nothing(broken: Path) -> None:
    change(broken, "train.py", "return trees.fit(", "trees.fit(")
    assert "train of flowers returns nothing" in first_failure(broken).reason


def test_a_column_that_was_renamed_everywhere_in_model_yaml(broken: Path) -> None:
    change(broken, "model.yaml", "petal_width_cm", "petal_breadth_cm")
    change(broken, "model.yaml", "petal width (cm)", "petal breadth (cm)")
    found = first_failure(broken)
    assert "have no column petal_breadth_cm, did you mean petal " in found.reason
    assert "they have sepal length (cm), " in found.reason


def test_sample_rows_that_the_chain_would_refuse(broken: Path) -> None:
    more = "assign(**{'sepal width (cm)': 'x'}).rename(columns={'target': 'answer'})"
    (broken / "sample.py").write_text(SAMPLE.replace("reset_index(drop=True)", more))
    found = first_failure(broken)
    assert found.name == "delivery"
    assert "the chain would refuse sample rows: sample.csv lacks columns" in found.reason
    assert "no target" in found.reason


def test_a_sample_that_is_no_table(broken: Path) -> None:
    change(broken, "sample.py", "return resample(", "return list(resample(")
    change(broken, "sample.py", "seed, shift)\n", "seed, shift))\n")
    assert "gives no table: it gives a list" in first_failure(broken).reason


def test_a_folder_of_another_name_than_its_model(broken: Path) -> None:
    change(broken, "model.yaml", "name: flowers", "name: blossoms")
    found = first_failure(broken)
    assert found.name == "model.yaml"
    assert "names the edge model blossoms, and its folder is flowers" in found.reason


def test_a_floor_of_a_metric_that_was_not_measured(broken: Path) -> None:
    change(broken, "model.yaml", "  balanced_accuracy:", "  balanced_acuracy:")
    found = first_failure(broken)
    assert found.name == "floors"
    assert "balanced_acuracy was not measured; measured were accuracy" in found.reason
    assert "did you mean balanced_accuracy" in found.reason


def test_features_that_prepared_rows_do_not_have(broken: Path) -> None:
    line = "  max_set_aside_share"
    change(broken, "model.yaml", line, "  features: [petal_width]\n" + line)
    found = first_failure(broken)
    assert "data.features names petal_width, which prepared rows do not have" in found.reason
    assert "did you mean petal_width_cm" in found.reason


HIDING = """
from importlib.machinery import PathFinder

class Hiding:
    find_spec = staticmethod(
        lambda name, *more: None if name == "{}" else PathFinder.find_spec(name, *more)
    )

import sys
sys.meta_path[sys.meta_path.index(PathFinder)] = Hiding
"""
"""As sitecustomize.py: an installation without that package."""


@pytest.mark.parametrize(("name", "package"), [("parts", "keras"), ("compliance", "torch")])
def test_without_the_extra_a_model_is_told_to_need_it(
    tmp_path: Path, name: str, package: str
) -> None:
    (tmp_path / "sitecustomize.py").write_text(HIDING.format(package))
    done = subprocess.run(
        [sys.executable, "-m", "edgectl", "model", "check", name, "--rows", "200"],
        capture_output=True, text=True, check=False, timeout=120,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert f"not installed: {package}" in done.stdout
    assert "To mend it: pip install -e '.[deep]', run in the checkout" in done.stdout


def test_a_wrong_golden_answer_is_not_served(broken: Path) -> None:
    model = EdgeModel.load(broken)
    rows = model.prepare(model.sample_rows(ROWS, 1, "none")).kept
    trained = model.train(rows)
    onnx, expected = model.to_onnx(trained), model.predict(trained, rows)
    files = served_files(model, trained, onnx, rows, expected, run(model.config, onnx, rows))
    assert load_served(files)[0]
    golden = json.loads(files["golden.json"])
    golden["requests"][3]["outputs"]["probabilities"][0] += 0.01
    good, reason = load_served({**files, "golden.json": json.dumps(golden).encode()})
    assert (good, "golden answers wrong" in reason) == (False, True)
    assert not load_served({**files, "model.onnx": onnx + b"\0"})[0]


def test_shapes_are_judged(broken: Path) -> None:
    model = EdgeModel.load(broken)
    rows = model.prepare(model.sample_rows(60, 1, "none")).kept
    outputs = dict(model.predict(model.train(rows), rows))
    assert judge_outputs(outputs, len(rows), model.config) == ""
    assert "shape" in judge_outputs(outputs, len(rows) + 1, model.config)


def test_exit_codes() -> None:
    ok, gate = Outcome("a", "ok", ""), Outcome("b", "FAILED", "", gate=True)
    assert exit_code([ok, Outcome("c", "not proven", "")]) == 0
    assert exit_code([ok, gate]) == 3
    assert exit_code([gate, replace(gate, gate=False)]) == 1


def test_an_unknown_model_is_told(edgectl: Runner) -> None:
    done = edgectl("model", "check", "no_such")
    assert done.code == 2
    assert "nyc_taxi" in done.err


def test_the_tests_in_the_folder_pass_as_pytest_runs_them(broken: Path) -> None:
    spec = importlib.util.spec_from_file_location("flowers", broken / "tests" / "test_flowers.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    tests = [name for name in dir(module) if name.startswith("test_")]
    assert "test_contract" in tests
    assert len(tests) == 3
    for name in tests:
        getattr(module, name)()
