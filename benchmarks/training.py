"""What training through the factory costs, against the bare script of a data scientist.

    .venv/bin/python -m benchmarks.training [--rows 1000000] [--model nyc_taxi]

Both begin with the same prepared rows as Parquet and end with a stored model and its metrics on the
holdout. The bare script reads, trains, evaluates and stores; the factory materializes the asset
`trained_model`: the same, and its gates, plots and lineage. They run one after the other in fresh
processes; the figure is the ratio of their wall seconds. The goal is at most 1.15.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

GOAL = 1.15

BARE = """
import sys, time
from pathlib import Path
import pandas as pd
from edge_assets.core.folders import model_folder
from edge_assets.edge_model import EdgeModel
begin = time.monotonic()
home, model = Path(sys.argv[1]), EdgeModel.load(model_folder(sys.argv[2]))
train, holdout = (pd.read_parquet(home / f"{part}.parquet") for part in ("train", "holdout"))
fitted = model.train(train)
print(model.evaluate(fitted, holdout), file=sys.stderr)
(home / "model.bin").write_bytes(model.dump(fitted))
print(time.monotonic() - begin)
"""

FACTORY = """
import sys, time
from pathlib import Path
import dagster as dg
from edge_assets.core.folders import model_folder
from edge_assets.factory import build_definitions, load_chains
from edge_assets.lineage import DOCUMENT
from edge_assets.operate import failure, instance_at, materialize
from resources.platform import Platform
home, name = Path(sys.argv[1]), sys.argv[2]
platform = Platform({"EDGE_HOME": str(home / "edge")})
(chain,) = load_chains([model_folder(name)])
defs = build_definitions([model_folder(name)], platform)
store, instance = platform.artifacts, instance_at(home / "edge")
dataset = {
    "kind": "dataset", "model": name, "inputs": {}, "batches": ["one"], "gates": {},
    **{part: store.put_file(home / f"{part}.parquet") for part in ("train", "holdout")},
}
instance.report_runless_asset_event(dg.AssetMaterialization(
    chain.key("dataset"), metadata={DOCUMENT: store.put_document(dataset)}))
begin = time.monotonic()
error = failure(materialize(defs, instance, [chain.key("trained_model")]))
if error is not None:
    raise error
print(time.monotonic() - begin)
"""


def prepare(home: Path, name: str, rows: int) -> None:
    """Made-up rows, prepared and split, as Parquet files in `home`."""
    import pandas as pd

    from edge_assets.core.folders import model_folder
    from edge_assets.core.holdout import split
    from edge_assets.edge_model import EdgeModel

    model = EdgeModel.load(model_folder(name))
    holdout = model.config.holdout
    kept = model.prepare(model.sample_rows(rows, 1, "none")).kept.assign(batch="one")
    inputs = list(model.config.data.inputs)
    parts = split(kept, columns=inputs, share=holdout.share, seed=holdout.seed)
    for part, table in (("train", parts.train), ("holdout", parts.holdout)):
        pd.DataFrame(table).to_parquet(home / f"{part}.parquet", index=False)


def seconds(program: str, home: Path, name: str) -> float:
    """What the program says it took."""
    ended = subprocess.run(
        [sys.executable, "-c", program, str(home), name],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "DAGSTER_HOME": str(home / "edge" / "dagster")},
    )
    return float(ended.stdout.split()[-1])


def main() -> None:
    """Measures and prints one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--model", default="nyc_taxi")
    parser.add_argument("--rounds", type=int, default=1)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home, begin = Path(folder), time.monotonic()
        prepare(home, chosen.model, chosen.rows)
        made = time.monotonic() - begin
        rounds = [
            (seconds(BARE, home, chosen.model), seconds(FACTORY, home, chosen.model))
            for _ in range(chosen.rounds)
        ]
    bare, factory = (min(times) for times in zip(*rounds, strict=True))
    ratio = factory / bare
    figures = {
        "model": chosen.model,
        "rows": chosen.rows,
        "seconds": {"making the rows": made, "bare script": bare, "factory": factory},
        "ratio": round(ratio, 3),
        "goal": GOAL,
    }
    print(json.dumps(figures, indent=1))
    sys.exit(0 if ratio <= GOAL else 1)


if __name__ == "__main__":
    main()
