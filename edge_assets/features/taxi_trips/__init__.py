"""Taxi trips, whatever the city: reading and judging them, and what trees see of them.

Every edge model of taxi trips says in its `model.yaml` for which version it was made. Raise it when
a feature is added, goes away or gets other values; `tests/edge_assets/features/taxi_trips` holds
the values of each version and fails when they change without it.
"""

VERSION = "1"
