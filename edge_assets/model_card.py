"""The model card of a candidate: what it is for, what it was made from, how good it is."""

from collections.abc import Mapping
from typing import Any

from edge_assets.core.config_schema import ModelConfig


def model_card(config: ModelConfig, trained: Mapping[str, Any], dataset: Mapping[str, Any]) -> str:
    """The card as Markdown: of `model.yaml`, and of the documents of the candidate and its dataset.

    All fields of `datasheet` come in their order, under their own names.
    """
    rows = dataset.get("rows", {})
    facts = {
        "owner": config.owner,
        "flavour": config.flavour,
        "predicts": _predicts(config),
        "asked for": config.prediction.asked_for,
        "inputs": ", ".join(config.data.inputs),
        "rows": f"{rows.get('train', '?')} to train, {rows.get('holdout', '?')} held out",
        "batches": ", ".join(dataset.get("batches", ())),
        "code": trained.get("commit") or trained["code"],
    }
    metrics = [f"| {name} | {value:.6g} |" for name, value in sorted(trained["metrics"].items())]
    verdicts = [
        f"| {name.replace('_', ' ')} | {_state(verdict)} | {_cell(verdict['reason'])} |"
        for name, verdict in trained["gates"].items()
    ]
    sheet = [f"**{name.replace('_', ' ').capitalize()}.** {text}" for name, text in _texts(config)]
    parts = [
        f"# {config.datasheet.get('title', config.name)}",
        config.description,
        "\n".join(["| | |", "|---|---|", *(f"| {k} | {_cell(v)} |" for k, v in facts.items())]),
        "\n".join(["| metric | on the holdout |", "|---|---|", *metrics]),
        "\n".join(["| gate | | why |", "|---|---|---|", *verdicts]),
        *sheet,
    ]
    return "\n\n".join(parts) + "\n"


def _texts(config: ModelConfig) -> list[tuple[str, str]]:
    return [(name, str(text)) for name, text in config.datasheet.items() if name != "title"]


def _predicts(config: ModelConfig) -> str:
    prediction = config.prediction
    if prediction.classes:
        return f"{prediction.target}, one of {', '.join(map(str, prediction.classes))}"
    return f"{prediction.target}, {prediction.unit or 'a number'}"


def _state(verdict: Mapping[str, Any]) -> str:
    return "open" if verdict["passed"] else "closed"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
