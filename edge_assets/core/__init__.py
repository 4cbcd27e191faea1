"""The decisions, as pure functions on plain data, and the tables that they speak of."""
