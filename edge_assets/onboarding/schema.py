"""The JSON schema of `model.yaml`: generated from its pydantic model, with what each key means.

Descriptions of sections are their docstrings. Those of single keys are below, since a word and its
bounds say little to somebody who meets it in an editor for the first time.
"""

import json
from typing import Any

from edge_assets.core.config_schema import ModelConfig

ADDRESS = "https://json-schema.org/draft/2020-12/schema"

HINTS: dict[str, dict[str, str]] = {
    "ModelConfig": {
        "name": "The same as the folder: lower-case letters, digits and _.",
        "description": "One sentence: what is predicted, for whom.",
        "owner": "A team, or an address with @; shown in the UI.",
        "flavour": "How trained models are stored and converted. onnx: model.onnx lies beside this "
        "file, and nothing is trained.",
        "training": "Handed to train as keyword arguments: any names, plain values.",
        "features": "A versioned set of derived columns that models share; left out: none.",
        "floors": "Metric -> least (min) or most (max). A candidate beyond one is no candidate.",
        "datasheet": "What is known of the data, in words; shown with every trained model.",
        "runtime": "Left out: the defaults. edgectl model tune finds better ones.",
        "modules": "What is rolled out with the model, in the same release.",
    },
    "Prediction": {
        "asked_for": "When a prediction is asked for; only what is known by then may be a column.",
        "target": "The column that is predicted; not among data.columns.",
        "kind": "A number, or one of classes.",
        "unit": "Of the number, in words.",
        "classes": "All classes, in ascending order: whole numbers or texts.",
        "extra": "Outputs beside the target (and probabilities).",
    },
    "Output": {
        "name": "Of the tensor.",
        "datatype": "A word of the Open Inference Protocol.",
        "shape": "Of one row; -1 for any size.",
        "about": "In words.",
    },
    "Entrypoints": {
        "prepare": "(raw) -> (kept, set_aside with a column reason).",
        "train": "(rows, *, features, target, training parameters) -> model.",
        "predict": "(model, rows) -> values of the target, or outputs by name.",
        "restore": "(meta) -> empty model, for flavours that store weights and meta.",
        "evaluate": "(model, rows, *, target) -> {metric: number}.",
        "to_onnx": "(model) -> ONNX model: columns in, outputs out.",
        "sample": "(rows, seed, shift) -> raw rows.",
    },
    "Data": {
        "source": "Where the data comes from, in words.",
        "kind": "Tables, or folders of images by class.",
        "landing": "Folder of new deliveries, below EDGE_LANDING.",
        "formats": "Of deliveries.",
        "where": "Column -> value: only rows that say so are this model's, others are left alone.",
        "required": "Groups of column names; a delivery needs one of each. Default: all columns.",
        "max_set_aside_share": "A delivery with a greater share of bad rows is refused.",
        "min_rows": "A delivery with fewer good rows is refused.",
        "columns": "The inputs of the model, in order.",
        "target_aliases": "Other names of the target in raw files.",
        "leaking": "Columns that are known only after the answer: never an input, never a feature.",
        "features": "What the model sees; default: all columns.",
    },
    "Column": {
        "name": "Of the column in the dataset, and of the input on the device.",
        "datatype": "A word of the Open Inference Protocol; BYTES is text.",
        "aliases": "Other names in raw files; case, _ and spaces do not count anyway.",
        "shape": "Of one row; -1 for any size. Only images have more than one value.",
        "minimum": "Lower values are set aside in training and refused on the device.",
        "maximum": "Higher values are set aside in training and refused on the device.",
        "categories": "The only values that are allowed: texts or whole numbers.",
        "max_length": "Of a text, in characters.",
        "nullable": "Whether it may be unknown: NaN, or an empty text.",
        "about": "In words: unit, meaning of codes.",
    },
    "Images": {
        "max_side": "Pixels; longer sides are scaled down to it.",
        "max_pixels": "Images with more are set aside before they are decoded.",
    },
    "Holdout": {
        "share": "Of the rows that are never trained on.",
        "seed": "Another seed holds out other rows: figures before and after do not compare.",
    },
    "FeatureSet": {"module": "Where it is defined.", "version": "Which of its versions is used."},
    "Floor": {"min": "The least that is accepted.", "max": "The most that is accepted."},
    "ChampionRule": {
        "error": "Of a row: absolute or squared of a number, wrong or brier of a class.",
        "confidence": "Of the bounds, by bootstrap over rows.",
        "min_gain": "The lower bound of the relative gain over all rows must be above this.",
        "max_loss_on_frozen": "Relative loss on the frozen rows that is still accepted.",
        "tolerated_on_frozen": "Growth of their mean error that is accepted whatever its share.",
        "resamples": "Of the bootstrap.",
        "min_rows": "Fewer rows, all or frozen, show nothing.",
        "seed": "Of the bootstrap.",
    },
    "Parity": {
        "absolute": "Accepted difference.",
        "relative": "Accepted difference as a share of the prediction, on top.",
    },
    "Budget": {
        "latency_p95_ms": "Milliseconds of a request with one row, 95th percentile.",
        "model_bytes": "Of model.onnx.",
        "image_bytes": "Of the container image.",
    },
    "DerivedDuration": {
        "name": "Of the derived column.",
        "start": "A column of seconds since 1970.",
        "end": "A column of seconds since 1970.",
    },
    "Drift": {
        "columns": "Compared as they are.",
        "categorical": "Those of columns that are compared as categories.",
        "clocks": "Seconds since 1970, compared by hour and weekday only.",
        "durations": "Columns to derive first.",
        "texts": "Compared by their length and their words.",
        "images": "Compared by brightness, contrast and size.",
        "window_seconds": "Captures are judged in windows of this length.",
        "min_rows": "Below this the verdict is: too little data.",
        "false_alarm_rate": "Probability of an alarm without drift, over all columns together.",
        "min_effect": "Smaller changes do not matter, in standard deviations.",
        "cooldown_seconds": "Between two trainings that drift started.",
    },
    "Performance": {
        "days": "How far before the end of the newest window answers are looked for.",
        "windows": "At most so many windows of captures, the newest ones.",
        "min_rows": "With fewer labelled rows the verdict is: too little data.",
        "max_loss": "The error may be larger than on the holdout by this share of it.",
        "tolerated": "Growth of the mean error that is accepted whatever its share.",
        "confidence": "Of the bound on the loss, by bootstrap over requests and held-out rows.",
        "resamples": "Of the bootstrap.",
        "seed": "Of the bootstrap.",
        "interval_seconds": "Between two reports when only captures are new.",
    },
    "Ring": {
        "name": "The tag ring of its devices.",
        "proven_share": "Of its devices that must prove the release.",
        "max_failed": "A greater share of failed devices closes the gate.",
        "min_sample": "Devices that must have answered.",
        "soak_seconds": "How long it must stay well.",
        "deadline_seconds": "When silent devices close the gate.",
    },
    "Rollout": {"rings": "In their order; each must pass before the next begins."},
    "Device": {"port": "TCP, for gRPC clients; each model its own.", "memory_bytes": "Granted."},
    "Runtime": {
        "intra_op_threads": "Threads within an operator.",
        "inter_op_threads": "Threads over operators.",
        "spinning": "Whether idle threads wait by spinning.",
        "memory_arena": "Whether memory is kept between requests.",
        "memory_pattern": "Whether memory is planned by the first request.",
        "graph_optimization": "How far onnxruntime rewrites the graph at load.",
        "batching": "Whether waiting requests are answered together.",
    },
    "Module": {
        "name": "On devices it is called <model>_<name>.",
        "app": "edge.webapp is the component register.",
        "port": "TCP, where it listens on the device.",
        "env": "Its settings; no secrets.",
    },
    "SmokeTest": {"interval_seconds": "Between two proofs of each device."},
    "Sample": {
        "rows": "That the demo delivers in a batch.",
        "shifts": "That sample knows. The first one is what the demo lets happen.",
    },
}


def model_schema() -> dict[str, Any]:
    """The schema as JSON values. Keys without a hint keep what pydantic says."""
    schema = ModelConfig.model_json_schema()
    sections = {"ModelConfig": schema, **schema["$defs"]}
    for name, section in sections.items():
        if "description" in section:
            section["description"] = " ".join(section["description"].split())
        for key, value in section.get("properties", {}).items():
            hint = HINTS.get(name, {}).get(key)
            if hint is not None:
                value["description"] = hint
            elif "description" not in value and (section_of := _section(value)) in schema["$defs"]:
                value["description"] = " ".join(
                    schema["$defs"][section_of].get("description", "").split()
                )
            value.pop("title", None)
    return {"$schema": ADDRESS, **schema, "title": "model.yaml of edge-assets"}


def schema_text() -> str:
    """The schema as the file `edge_assets/models/model.schema.json` holds it."""
    return json.dumps(model_schema(), indent=1, ensure_ascii=False) + "\n"


def _section(value: dict[str, Any]) -> str:
    return str(value.get("$ref", "")).rpartition("/")[2]
