"""What is known of a new edge model before its `model.yaml` is written."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from edge_assets.core.config_data import Column, Output
from edge_assets.onboarding.columns import Draft
from edge_assets.onboarding.floors import Measured


@dataclass(frozen=True)
class Floor:
    """One line under `floors`: bounds, and a comment that tells where they come from."""

    metric: str
    word: str
    bound: float
    comment: str


@dataclass(frozen=True)
class Plan:
    """Everything that differs from one new edge model to another."""

    name: str
    owner: str
    source: str
    """The file it was made from, by its name."""
    made: date
    flavour: str
    target: str
    target_aliases: tuple[str, ...]
    kind: str
    columns: tuple[Column, ...]
    port: int
    classes: tuple[int, ...] | tuple[str, ...] = ()
    extra: tuple[Output, ...] = ()
    data_kind: str = "table"
    important: tuple[str, ...] = ()
    """Columns by what the model loses without them, as far as it was measured."""
    drafts: Mapping[str, Draft] = field(default_factory=dict)
    """By the name of the column: what was seen of it."""
    rare: tuple[str, ...] = ()
    """Classes with too few rows, which are left out."""
    left_out: Mapping[str, str] = field(default_factory=dict)
    """Headers of columns that the model does not get, each with the reason."""
    leaking: tuple[str, ...] = ()
    training: Mapping[str, object] = field(default_factory=dict)
    holdout_share: float = 0.2
    holdout_seed: int = 42
    floors: tuple[Floor, ...] = ()
    notes: tuple[str, ...] = ()
    """Comments at the top: what a reader must know before trusting it."""
    parity: tuple[float, float] = (1e-4, 1e-4)
    model_bytes: int = 5_000_000
    min_rows: int = 50
    shifts: tuple[str, ...] = ()
    shift_note: str = ""
    landing: str = ""
    """The folder of deliveries, where it is not called like the model."""
    where: Mapping[str, str] = field(default_factory=dict)
    """Header -> value: the rows of the file, and of deliveries, that are this model's."""
    sample_rows: int = 2000
    datasheet: Mapping[str, str] = field(default_factory=dict)

    def with_floors(self, measured: Measured, who: str = "the baseline") -> "Plan":
        """With the floors that were measured, and what is said about them and `who` reached it."""
        rows = measured.rows
        said = f"{who} reached {{0:.4g}} on {rows} held-out rows, a dummy {{1:.4g}}"
        floors = [
            Floor(f.metric, f.word, f.bound, said.format(f.reached, f.dummy))
            for f in measured.floors
        ]
        least = max(1, min(50, rows // 2))
        floors.append(Floor("rows", "min", least, "fewer held-out rows prove nothing"))
        notes = self.notes
        if not measured.better:
            notes = (
                *notes,
                f"{who.capitalize()} is NOT better than a dummy that always says the same "
                f"({measured.reason}).",
                "Its floors are out of its reach on purpose: the gate stays closed until a model "
                "is better.",
            )
        return replace(self, floors=tuple(floors), notes=notes)
