"""What devices answered and what turned out to be true, in one table.

The table has one row a predicted row. Columns: `device`, `request_id`, `row` (its place in the
request), `input` (the hash of its inputs, `protos.comparison.input_hashes`), `label`, and
`output.<name>` as captured.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from edge_assets.core.captures import INPUT, OUTPUT, inputs_of
from edge_assets.core.comparison import Floats
from edge_assets.core.comparison_sides import hashes_of
from edge_assets.core.config_data import PROBABILITIES, Data, Prediction

_KEPT = ("device", "request_id", "row")


def labelled_answers(
    frame: pd.DataFrame, digest: str, labels: Mapping[str, Any], data: Data, prediction: Prediction
) -> pd.DataFrame:
    """Of a table of captures, what the artifact `digest` answered to inputs that have a label.

    `labels` are by the hash of the inputs. Answers with other columns than those of `data` and
    `prediction`, as before model.yaml was changed, have none: no hash of today finds them. Nor have
    images.
    """
    wanted = [output.name for output in prediction.outputs]
    needed = [
        *(INPUT + name for name in data.inputs),
        *(OUTPUT + name for name in wanted if name in (prediction.target, PROBABILITIES)),
    ]
    own = frame[frame["model_digest"] == digest]
    if data.kind == "images" or not set(needed) <= set(own.columns):
        own = own[:0]
    else:
        # A device that leaves an input out has asked nothing that could come with a label.
        told = [INPUT + column.name for column in data.columns if not column.nullable]
        own = own[own[told].notna().all(axis=1)]
    keys = hashes_of(inputs_of(own), data)
    known = np.array([key in labels for key in keys], dtype=bool)
    chosen = [key for key in keys if key in labels]
    outputs = [str(name) for name in frame.columns if str(name).startswith(OUTPUT)]
    rows = own[known][[*_KEPT, *outputs]].reset_index(drop=True)
    truth = pd.Series([labels[key] for key in chosen], dtype=object)
    return rows.assign(input=pd.Series(chosen, dtype=object), label=truth)


def each_once(windows: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """The tables of all windows as one, without what a device was asked again.

    A message that was delivered again in a later window is not counted twice, nor is a question
    that was: the same model gives the same answer, which shows nothing new.
    """
    if not windows:
        return pd.DataFrame(columns=[*_KEPT, "input", "label"])
    rows = pd.concat(windows, ignore_index=True)
    return rows.drop_duplicates(["device", "input"], ignore_index=True)


def by_device(rows: pd.DataFrame, errors: Floats) -> list[dict[str, Any]]:
    """For each device, the largest error first: `device`, `rows`, `unanswered`, `error`.

    `error` is the mean over the rows with a finite error, of shape (rows,); None where none has.
    """
    found = []
    for device, places in rows.groupby("device").indices.items():
        own = errors[places]
        answered = own[np.isfinite(own)]
        found.append(
            {
                "device": str(device),
                "rows": len(own),
                "unanswered": len(own) - len(answered),
                "error": float(answered.mean()) if len(answered) else None,
            }
        )
    return sorted(found, key=lambda each: (-(each["error"] or 0.0), each["device"]))
