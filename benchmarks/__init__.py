"""Benchmarks: ratios within one run, never absolute figures of one machine."""
