"""End-to-end benchmarks of the running service, from the callers' side. `make bench` runs all of them."""
