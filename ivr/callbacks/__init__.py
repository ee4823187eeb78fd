"""Calls that were promised to customers: when they are made, and what follows from them. `plan` is pure."""
