"""Tables in the artifact store, as Parquet by digest."""

import io
from typing import TYPE_CHECKING

import dagster as dg

from resources.artifact_store import ArtifactStore

if TYPE_CHECKING:
    import pandas as pd


def put_frame(store: ArtifactStore, frame: "pd.DataFrame") -> str:
    """Stores the table without its index; equal tables have equal digests."""
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False, engine="pyarrow", compression="zstd")
    return store.put_bytes(buffer.getvalue())


def get_frame(store: ArtifactStore, digest: str) -> "pd.DataFrame":
    """The table with this digest; errors as `ArtifactStore.get_bytes`."""
    import pandas as pd

    return pd.read_parquet(io.BytesIO(store.get_bytes(digest)), engine="pyarrow")


def schema_of(frame: "pd.DataFrame", about: dict[str, str]) -> dg.TableSchema:
    """The table's columns for the UI, with what each means."""
    return dg.TableSchema(
        [
            dg.TableColumn(str(name), str(dtype), description=about.get(str(name)) or None)
            for name, dtype in frame.dtypes.items()
        ]
    )
