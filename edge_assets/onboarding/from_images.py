"""A new edge model from a folder with one folder of images for each class.

The network is that of the edge model `parts`, which comes with the project; so are its defaults.
"""

import io
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from edge_assets.core.config_data import Column
from edge_assets.core.folders import SHIPPED
from edge_assets.core.image_data import inspect_images, read_images
from edge_assets.core.prepared import REASON, Prepared
from edge_assets.core.raw_data import DeliveryRefused
from edge_assets.edge_model import EdgeModel
from edge_assets.flavours import flavour_of
from edge_assets.onboarding.baseline import first_training, holdout_seed
from edge_assets.onboarding.folder import schema_path, write_all
from edge_assets.onboarding.from_table import OPEN_FLOOR, Made, user
from edge_assets.onboarding.plan import Plan
from edge_assets.onboarding.resampling import DATA_FILE
from edge_assets.onboarding.target import MIN_OF_CLASS
from edge_assets.onboarding.templates import init_py, sample_images_py, tests_of_images_py
from edge_assets.onboarding.threads import one_thread
from edge_assets.onboarding.yaml_text import datasheet, model_yaml
from protos.errors import ConfigurationError

FLAVOUR = "keras"
MIN_IMAGES = 50
MAX_DATA_BYTES = 20_000_000
_SIDES = (16, 64)
_SHOWN_FILES = 3
_TRAINING = {
    "filters": 16,
    "units": 64,
    "dropout": 0.3,
    "reach": 2,
    "epochs": 30,
    "batch_size": 32,
    "learning_rate": 0.003,
    "seed": 42,
    "threads": 1,
}


def make_from_images(
    stage: Path, target_path: Path, source: Path, port: int, epochs: int | None = None
) -> Made:
    """Writes the folder of an edge model into `stage`, meant for `target_path`.

    Raises ConfigurationError when the folder holds too few images or classes, or Keras is missing.
    """
    flavour_of(FLAVOUR)
    raw = _read(source)
    plan = _plan(stage.name, source, raw, port)
    if epochs is not None:
        plan = replace(plan, training={**plan.training, "epochs": epochs})
    part = _part(raw)
    schema = schema_path(target_path)
    write_all(
        stage,
        {
            "__init__.py": init_py(plan.name, source.name),
            "train.py": _train_py(plan),
            "sample.py": sample_images_py(source.name, plan.made, len(part)),
            "model.yaml": model_yaml(replace(plan, floors=OPEN_FLOOR), schema),
            DATA_FILE: _parquet(part),
        },
    )
    model = EdgeModel.load(stage)
    prepared = model.prepare(raw)
    plan = _sized(plan, prepared, model, raw)
    write_all(stage, {"model.yaml": model_yaml(replace(plan, floors=OPEN_FLOOR), schema)})
    model = EdgeModel.load(stage)
    with one_thread():
        trained = first_training(model, raw, ())
    plan = plan.with_floors(trained.measured)
    kept, aside = len(prepared.kept), len(prepared.set_aside)
    plan = replace(
        plan,
        model_bytes=(max(200_000, 2 * trained.onnx_bytes) // 10_000 + 1) * 10_000,
        datasheet=datasheet(
            plan.source,
            plan.made,
            f"{kept} images were kept and {aside} set aside",
            {"copy": f"data.parquet in this folder holds {len(part)} of {len(raw)} images"},
        ),
    )
    tests = tests_of_images_py(plan.name, rows=len(part), rows_kept=len(model.prepare(part).kept))
    write_all(stage, {"model.yaml": model_yaml(plan, schema), f"tests/test_{plan.name}.py": tests})
    EdgeModel.load(stage)
    return Made(
        plan,
        len(raw),
        kept,
        prepared.reasons,
        trained.measured.better,
        trained.measured.reason,
        tuple(f"{f.metric} {f.word} {f.bound:g} ({f.comment})" for f in plan.floors),
        (),
        len(part),
        examples=_examples(prepared, raw),
    )


def _examples(prepared: Prepared, raw: pd.DataFrame) -> dict[str, tuple[str, ...]]:
    """Of each reason the first files that were set aside for it."""
    aside = prepared.set_aside[REASON].astype(str)
    paths = raw["path"]
    return {
        reason: tuple(paths[aside.index[aside == reason]].head(_SHOWN_FILES))
        for reason in prepared.reasons
    }


def _read(source: Path) -> pd.DataFrame:
    try:
        inspect_images(source, {})
        return read_images(source)
    except DeliveryRefused as refused:
        raise ConfigurationError(refused.what, why=refused.why, remedy=refused.remedy) from refused


def _plan(name: str, source: Path, raw: pd.DataFrame, port: int) -> Plan:
    counts = raw["label"].value_counts()
    classes = tuple(sorted(str(c) for c in counts.index[counts >= MIN_OF_CLASS] if c))
    few = sorted(str(label) for label in counts.index[counts < MIN_OF_CLASS] if label)
    outside = int(counts.get("", 0))
    if len(classes) < 2 or len(raw) < MIN_IMAGES:
        told = ", ".join(f"{label or '(no folder)'} {n}" for label, n in counts.head(8).items())
        raise ConfigurationError(
            f"{source} holds too little to learn from",
            why=f"images by class: {told}; needed are {MIN_IMAGES}, in two classes of "
            f"{MIN_OF_CLASS} or more",
            remedy="give one folder for each class, with more images in it",
        )
    notes = []
    if few:
        notes.append(f"Classes with too few images were left out: {', '.join(few[:20])}.")
    if outside:
        names = ", ".join(raw.loc[raw["label"] == "", "path"].head(3))
        word = "file lies" if outside == 1 else "files lie"
        notes.append(f"{outside} {word} in no folder of a class: {names}.")
    return Plan(
        name=name,
        owner=user(),
        source=source.name,
        made=date.today(),
        flavour=FLAVOUR,
        target="label",
        target_aliases=(),
        kind="classification",
        columns=(
            Column(name="image", datatype="UINT8", shape=(-1, -1, 3), about="height, width, RGB"),
        ),
        port=port,
        classes=classes,
        data_kind="images",
        training={"side": 24, **_TRAINING},
        holdout_share=0.2 if len(raw) >= 1000 else 0.3,
        min_rows=min(50, len(raw) // 2),
        notes=tuple(notes),
        rare=tuple(few),
        sample_rows=min(400, 2 * len(raw)),
        shift_note="No shift was tried: write one into sample.py that fits your camera.",
    )


def _sized(plan: Plan, prepared: Prepared, model: EdgeModel, raw: pd.DataFrame) -> Plan:
    """The side of the images that the network sees, and a holdout with every class."""
    kept = prepared.kept
    if len(kept) < max(20, len(raw) // 4):
        top = ", ".join(f"{text} ({n})" for text, n in list(prepared.reasons.items())[:3])
        raise ConfigurationError(
            f"only {len(kept)} of {len(raw)} images can be used", why=top, remedy="mend the files"
        )
    middle = float(np.median(np.minimum(kept["width"], kept["height"])))
    side = int(np.clip(middle // 4 * 4, *_SIDES))
    seed = holdout_seed(kept, model, plan.holdout_share)
    return replace(plan, training={**plan.training, "side": side}, holdout_seed=seed)


def _train_py(plan: Plan) -> str:
    """`train.py` of the edge model `parts`, with the names of this one."""
    text = (SHIPPED / "parts" / "train.py").read_text(encoding="utf-8")
    for old, new in (
        ('target: str = "part"', f'target: str = "{plan.target}"'),
        ('name="parts"', f'name="{plan.name}"'),
        ("photographs of parts", "images; the network of `parts`. Change it freely"),
    ):
        text = text.replace(old, new)
    return text


def _part(raw: pd.DataFrame) -> pd.DataFrame:
    part = raw
    while part["content"].map(len).sum() > MAX_DATA_BYTES:
        part = part.sample(len(part) // 2, random_state=42).sort_index()
    return part.reset_index(drop=True)


def _parquet(raw: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    raw.to_parquet(buffer, index=False)
    return buffer.getvalue()
