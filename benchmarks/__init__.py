"""Measurements: one command each, a table and JSON as result. `python -m benchmarks --help`."""
