"""The Python files of a new edge model: plain functions that its owner reads and changes."""

from collections.abc import Sequence
from datetime import date

TRAINING = {
    "max_iter": 150,
    "learning_rate": 0.08,
    "max_leaf_nodes": 15,
    "min_samples_leaf": 10,
    "l2_regularization": 1.0,
    "seed": 42,
    "threads": 1,
}
"""Parameters of the baseline, as `train.py` takes them."""

_HEAD = '''"""Fits gradient-boosted trees to `{target}`: a baseline of `edgectl model new`.

What it gets are prepared rows, with the columns and types of model.yaml; what it returns is any
estimator of scikit-learn. The flavour `sklearn` predicts with it and converts it to ONNX.
"""

from collections.abc import Sequence

import pandas as pd
{imports}


def train(
    rows: pd.DataFrame,
    *,
    features: Sequence[str],
    target: str,
    max_iter: int = 150,
    learning_rate: float = 0.08,
    max_leaf_nodes: int = 15,
    min_samples_leaf: int = 10,
    l2_regularization: float = 1.0,
    seed: int = 42,
    threads: int = 1,
) -> {estimator}:
    """The model fitted to `rows`; the same rows give the same model.

    Missing numbers are NaN, and the trees learn where they belong.{more}
    """
    trees = {trees}(
        max_iter=max_iter,
        learning_rate=learning_rate,
        max_leaf_nodes=max_leaf_nodes,
        min_samples_leaf=min_samples_leaf,
        l2_regularization=l2_regularization,
        early_stopping=False,
        random_state=seed,
    )
{fit}'''

_NUMBERS = """    with threadpool_limits(limits=threads, user_api="openmp"):
        return trees.fit(rows[list(features)], rows[target])
"""
_TEXTS = """    texts = [name for name in features if rows[name].dtype == object]
    numbers = [name for name in features if name not in texts]
    categories = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    columns = ColumnTransformer(
        [("texts", categories, texts), ("numbers", "passthrough", numbers)]
    )
    model = Pipeline([("columns", columns), ("trees", trees)])
    with threadpool_limits(limits=threads, user_api="openmp"):
        return model.fit(rows[list(features)], rows[target])
"""


def train_py(target: str, kind: str, *, texts: bool) -> str:
    """`train.py` for numbers only, or for texts as well."""
    trees = (
        "HistGradientBoostingClassifier"
        if kind == "classification"
        else "HistGradientBoostingRegressor"
    )
    imports = [f"from sklearn.ensemble import {trees}"]
    if texts:
        imports.insert(0, "from sklearn.compose import ColumnTransformer")
        imports += [
            "from sklearn.pipeline import Pipeline",
            "from sklearn.preprocessing import OneHotEncoder",
        ]
    imports.append("from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]")
    return _HEAD.format(
        target=target,
        imports="\n".join(imports),
        estimator="Pipeline" if texts else trees,
        trees=trees,
        more=" Each text becomes one\n    column for each of its categories." if texts else "",
        fit=_TEXTS if texts else _NUMBERS,
    )


def prepare_py(markers: Sequence[str], commas: Sequence[str] = ()) -> str:
    """`prepare.py` of a file with words where a value is unknown, or with decimal commas.

    `commas` are the headers of columns whose numbers have one.
    """
    said = [
        *(["writes a word where a value is unknown"] if markers else []),
        *(["has decimal commas"] if commas else []),
    ]
    both = "from edge_assets.core.preparing import plain, prepare_table"
    lines = [
        f'"""Reads raw rows: this source {" and ".join(said)}."""',
        "",
        "from pathlib import Path",
        "",
        "import pandas as pd",
        "",
        "from edge_assets.core.config import load_model_config",
        both if commas else "from edge_assets.core.preparing import prepare_table",
        *(["from edge_assets.onboarding.decimals import with_points"] if commas else []),
        "",
    ]
    if markers:
        lines += [
            f"UNKNOWN = {tuple(markers)!r}",
            '"""Cells that mean unknown, as they were in the file."""',
        ]
    if commas:
        lines += [
            f"COMMAS = {tuple(commas)!r}",
            '"""Columns whose numbers have a decimal comma, as 1.234,5; points are refused."""',
        ]
    lines += [
        "",
        "",
        "def prepare(raw: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:",
        '    """The rows that can be used, and those that cannot, with the column `reason`."""',
        '    config = load_model_config(Path(__file__).with_name("model.yaml"))',
    ]
    if markers:
        lines.append('    raw = raw.replace(list(UNKNOWN), "")')
    if commas:
        lines += [
            "    wanted = {plain(name) for name in COMMAS}",
            "    found = [name for name in raw.columns if plain(str(name)) in wanted]",
            "    raw = raw.assign(**{name: with_points(raw[name]) for name in found})",
        ]
    lines.append("    return prepare_table(raw, config.data, config.prediction)")
    return "\n".join(lines) + "\n"


def sample_py(source: str, made: date, rows: int) -> str:
    """`sample.py`: the rows of the file, drawn again."""
    return f'''"""Sample data: rows drawn again, with a little noise.

From {_in_docstring(source)} as of {made}, of which {rows} rows lie in
`data.parquet`: as confidential as the file itself.
"""

from pathlib import Path

import pandas as pd

from edge_assets.onboarding.resampling import resample


def sample(rows: int, seed: int, shift: str = "none") -> pd.DataFrame:
    """`rows` raw rows; a shift is the name of a column whose readings move above all seen."""
    return resample(Path(__file__).parent, rows, seed, shift)
'''


def init_py(name: str, source: str) -> str:
    """`__init__.py`, one line."""
    return (
        f'"""The edge model {name}, made from {_in_docstring(source)}; begin at `model.yaml`."""\n'
    )


def tests_py(name: str, *, rows_kept: int, rows: int, labelled: bool) -> str:
    """The tests in the folder: pytest runs them all, `edgectl model check` those of this model."""
    head = f'''"""Tests of the edge model {name}. Add what only you know about it.

`pytest` runs all of them. `edgectl model check {name}` runs those that need no fixture, beside the
contract that every edge model is checked against.
"""

from pathlib import Path

from edge_assets.edge_model import EdgeModel
from edge_assets.onboarding.checking import check_model

MODEL = EdgeModel.load(Path(__file__).parents[1])


def test_contract() -> None:
    found = list(check_model(MODEL.folder, own_tests=False))
    assert [str(outcome) for outcome in found if outcome.failed] == []
'''
    if not labelled:
        return head
    return (
        head
        + f"""

def test_the_rows_it_was_made_from_are_still_read() -> None:
    import pandas as pd

    prepared = MODEL.prepare(pd.read_parquet(MODEL.folder / "data.parquet"))
    assert len(prepared.kept) + len(prepared.set_aside) == {rows}
    assert len(prepared.kept) >= {rows_kept}, prepared.reasons


def test_sample_is_reproducible() -> None:
    assert MODEL.sample_rows(20, 1, "none").equals(MODEL.sample_rows(20, 1, "none"))
    assert not MODEL.sample_rows(20, 1, "none").equals(MODEL.sample_rows(20, 2, "none"))
"""
    )


def _in_docstring(text: str) -> str:
    return "".join(c for c in text if c.isprintable() and c not in '"\\')


def sample_images_py(source: str, made: date, rows: int) -> str:
    """`sample.py` of images."""
    return f'''"""Sample data: images drawn again, a bit lighter or darker.

From {_in_docstring(source)} as of {made}, of which {rows} images lie
in `data.parquet`: as confidential as the folder itself.
"""

from pathlib import Path

from edge_assets.onboarding.resampling_images import resample_images


def sample(rows: int, seed: int, shift: str = "none") -> dict[str, bytes]:
    """`rows` images: path in the delivery -> bytes. It knows no shift but `none`."""
    return resample_images(Path(__file__).parent, rows, seed)
'''


def tests_of_images_py(name: str, *, rows: int, rows_kept: int) -> str:
    """The tests in the folder of a model of images."""
    text = tests_py(name, rows=rows, rows_kept=rows_kept, labelled=True)
    start = text.index("\n\ndef test_sample_is_reproducible")
    return (
        text[:start]
        + """

def test_sample_is_reproducible() -> None:
    assert MODEL.sample(5, 1, "none") == MODEL.sample(5, 1, "none")
    assert MODEL.sample(5, 1, "none") != MODEL.sample(5, 2, "none")
"""
    )
