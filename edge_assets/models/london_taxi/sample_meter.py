"""The meter of a London taxi, as far as its rules are public.

Which tariff is on, by hour, weekday and holiday, and that the rate changes at about six miles:
Transport for London, https://tfl.gov.uk/modes/taxis-and-minicabs/taxi-fares. How many metres or
seconds twenty pence buy on each tariff: https://www.estimate.taxi/rates/great-britain/london, the
rates with the minimum fare of 2.60 pounds. Rates have risen since; these are for making up data.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

METRES_PER_MILE = 1609.344
MINIMUM, UNIT = 2.60, 0.20
"""Pounds; the minimum fare holds the first two units."""
METRES = np.array([117.4, 95.5, 81.2])
"""That one unit buys on tariff 1, 2 and 3."""
SECONDS = np.array([25.2, 20.5, 17.5])
"""The same standing still: 28.57, 35.12 and 41.14 pounds an hour."""
LONG_METRES, LONG_SECONDS = 86.9, 18.7
"""The same beyond six miles, on every tariff; the seconds keep the proportion of the metres."""
SIX_MILES = 9656.1
BOOKED = 2.0
"""TfL: up to two pounds more for a taxi that was booked by telephone or online."""

HOLIDAYS = np.array(
    [
        "2017-01-02",
        "2017-04-14",
        "2017-04-17",
        "2017-05-01",
        "2017-05-29",
        "2017-08-28",
        "2017-12-25",
        "2017-12-26",
    ],
    dtype="datetime64[D]",
)
"""Bank holidays of England in the year of the sample."""


def tariff_of(seconds: Whole) -> Whole:
    """The tariff (1, 2, 3) at each time, as seconds since 1970 on London's clock.

    3 every night from 22 to 5 and on bank holidays, 1 on weekdays from 5 to 20, 2 in between.
    """
    days, hour = seconds // 86_400, seconds % 86_400 // 3600
    weekend = (days + 3) % 7 >= 5
    night = (hour >= 22) | (hour < 5)
    holiday = np.isin(days.astype("datetime64[D]"), HOLIDAYS)
    day = ~weekend & (hour >= 5) & (hour < 20)
    return np.where(night | holiday, 3, np.where(day, 1, 2)).astype(np.int64)


def fare_of(tariff: Whole, miles: Floats, slow_seconds: Floats, slow_miles: Floats) -> Floats:
    """Pounds by the meter, without extras.

    It counts metres, or seconds below the speed at which both cost the same; `slow_miles` of the
    `miles` were driven in `slow_seconds` below it. The tariff is that of the start.
    """
    metres = np.maximum(miles - slow_miles, 0) * METRES_PER_MILE
    # the part of the trip that lies beyond six miles has another rate, moving and standing
    share = np.clip(1 - SIX_MILES / (miles * METRES_PER_MILE), 0, 1)
    near = metres * (1 - share) / METRES[tariff - 1]
    near += slow_seconds * (1 - share) / SECONDS[tariff - 1]
    far = metres * share / LONG_METRES + slow_seconds * share / LONG_SECONDS
    units = np.floor(np.maximum(near + far - 2, 0))
    pounds: Floats = np.round(MINIMUM + UNIT * units, 2)
    return pounds
