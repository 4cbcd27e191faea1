"""Metrics: counting that costs next to nothing, and the text that Prometheus reads."""
