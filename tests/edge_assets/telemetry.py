"""Routed telemetry as the hub writes it: JSON lines in a folder a minute."""

import json
import math
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from edge_assets.core.config import ModelConfig
from edge_assets.onnx_session import feeds, run
from inference_service.capture import CapturedRequest, as_line
from protos.digests import digest_bytes
from tests.edge_assets.bench import model_of

HUB = "hub/00"


def plain(value: Any) -> Any:
    """A JSON value; NaN is written as null."""
    made = value.item() if hasattr(value, "item") else value
    return None if isinstance(made, float) and math.isnan(made) else made


def records(
    rows: pd.DataFrame, inputs: list[str], time: datetime, name: str = "one"
) -> list[dict[str, Any]]:
    """One capture record a hundred rows; answers are what the rows say the fare was."""
    made = []
    for start in range(0, len(rows), 100):
        part = rows.iloc[start : start + 100]
        made.append(
            {
                "request_id": f"{name}-{time:%H%M%S}-{start}",
                "time": time.isoformat(),
                "model": "nyc_taxi",
                "model_digest": model_of(name),
                "rows": len(part),
                "inputs": {column: [plain(v) for v in part[column]] for column in inputs},
                "outputs": {"fare": [plain(v) for v in part["fare"]]},
            }
        )
    return made


def answered(
    config: ModelConfig, onnx: bytes, rows: pd.DataFrame, time: datetime
) -> list[dict[str, Any]]:
    """The capture records of a device that was asked `rows`, up to a hundred at once, by `onnx`."""
    told, digest, made = run(config, onnx, rows), digest_bytes(onnx), []
    for places, feed in feeds(config, rows):
        for start in range(0, len(places), 100):
            part = slice(start, start + 100)
            request = CapturedRequest(
                f"{time:%H%M%S}-{places[start]}",
                time,
                config.name,
                digest,
                {name: array[part] for name, array in feed.items()},
                {name: array[places[part]] for name, array in told.items()},
            )
            made.append(json.loads(as_line(request)))
    return made


def write(
    root: Path, time: datetime, *bodies: Any, device: str = "line-1", model: str = "nyc_taxi"
) -> Path:
    """A file of the minute of `time` with one message a body."""
    folder = root / HUB / time.strftime("%Y/%m/%d/%H/%M")
    folder.mkdir(parents=True, exist_ok=True)
    lines = [
        json.dumps(
            {
                "EnqueuedTimeUtc": time.isoformat(),
                "Properties": {"kind": "capture", "model": model},
                "SystemProperties": {
                    "connectionDeviceId": device,
                    "connectionModuleId": f"{model}_captures",
                    "contentType": "application/json",
                    "contentEncoding": "utf-8",
                },
                "Body": body,
            }
        )
        for body in bodies
    ]
    file = folder / f"{len(list(folder.iterdir())):06d}.json"
    file.write_text("\n".join(lines) + "\n")
    return file
