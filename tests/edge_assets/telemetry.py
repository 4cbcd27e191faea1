"""Routed telemetry as the hub writes it: JSON lines in a folder a minute."""

import json
import math
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

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


def write(root: Path, time: datetime, *bodies: Any, device: str = "line-1") -> Path:
    """A file of the minute of `time` with one message a body."""
    folder = root / HUB / time.strftime("%Y/%m/%d/%H/%M")
    folder.mkdir(parents=True, exist_ok=True)
    lines = [
        json.dumps(
            {
                "EnqueuedTimeUtc": time.isoformat(),
                "Properties": {"kind": "capture", "model": "nyc_taxi"},
                "SystemProperties": {
                    "connectionDeviceId": device,
                    "connectionModuleId": "nyc_taxi_captures",
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
