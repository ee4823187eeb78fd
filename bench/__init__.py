"""Measures the running service from outside, as its callers and its operator would. `make bench` runs all of it."""
