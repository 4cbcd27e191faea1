"""The names of taxi data: what the public files call a column, and what the dataset calls it.

The commission renamed its columns over the years, and green and yellow trips differ:
https://www.nyc.gov/site/tlc/about/tlc-trip-record-data.page
"""

from edge_assets.core.preparing import plain as plain
from edge_assets.features.taxi_trips.city import City
from edge_assets.features.taxi_trips.columns import COORDINATES as COORDINATES
from edge_assets.features.taxi_trips.columns import FLOATS as FLOATS

NEW_YORK = City(
    name="New York",
    zone="America/New_York",
    middle_latitude=40.7,
    longitude=(-74.09, -73.72),
    latitude=(40.53, 40.88),
)

INPUTS = (
    "vendor",
    "pickup_datetime",
    "dropoff_datetime",
    "passengers",
    "distance",
    "pickup_longitude",
    "pickup_latitude",
    "dropoff_longitude",
    "dropoff_latitude",
    "pickup_location_id",
    "dropoff_location_id",
    "rate_code",
    "store_forward",
)
"""The columns of the dataset without the target: the inputs of the model, in order."""

TARGET = "fare"

ALIASES: dict[str, tuple[str, ...]] = {
    "vendor": ("vendorID",),
    "pickup_datetime": ("lpepPickupDatetime", "tpepPickupDatetime"),
    "dropoff_datetime": ("lpepDropoffDatetime", "tpepDropoffDatetime"),
    "passengers": ("passengerCount",),
    "distance": ("tripDistance",),
    "pickup_longitude": ("pickupLongitude", "startLon"),
    "pickup_latitude": ("pickupLatitude", "startLat"),
    "dropoff_longitude": ("dropoffLongitude", "endLon"),
    "dropoff_latitude": ("dropoffLatitude", "endLat"),
    "pickup_location_id": ("puLocationId",),
    "dropoff_location_id": ("doLocationId",),
    "rate_code": ("rateCodeID",),
    "store_forward": ("storeAndFwdFlag",),
    "fare": ("fareAmount",),
}

UNKNOWN: dict[str, float] = {
    "vendor": 0,
    "passengers": 0,
    "pickup_location_id": 0,
    "dropoff_location_id": 0,
    "rate_code": 99,  # the commission's own code for it
    "store_forward": 0,
}
"""What stands for an empty cell; empty cells of other columns are not filled."""
