"""The names of the operator's export, and what the dataset calls them.

There is no such operator: the export is made up, as plausible as we could, for the sample data.
Adapt `ALIASES` to the one that you have.
"""

from edge_assets.features.taxi_trips.city import City

LONDON = City(
    name="London",
    zone="Europe/London",
    middle_latitude=51.485,
    longitude=(-0.51, 0.33),
    latitude=(51.28, 51.69),
)

INPUTS = (
    "pickup_datetime",
    "dropoff_datetime",
    "passengers",
    "distance",
    "pickup_longitude",
    "pickup_latitude",
    "dropoff_longitude",
    "dropoff_latitude",
    "tariff",
    "hailed",
)
"""The columns of the dataset without the target: the inputs of the model, in order."""

TARGET = "fare"

ALIASES: dict[str, tuple[str, ...]] = {
    "pickup_datetime": ("journey_start",),
    "dropoff_datetime": ("journey_end",),
    "passengers": (),
    "distance": ("distance_miles",),
    "pickup_longitude": ("pickup_lon",),
    "pickup_latitude": ("pickup_lat",),
    "dropoff_longitude": ("dropoff_lon",),
    "dropoff_latitude": ("dropoff_lat",),
    "tariff": (),
    "hailed": (),
    "fare": ("fare_gbp",),
}

UNKNOWN: dict[str, float] = {"passengers": 0}
"""What stands for an empty cell; empty cells of other columns are not filled."""
