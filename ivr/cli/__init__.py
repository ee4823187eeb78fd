"""The commands of `service.py`, one module each. Only commands print; all other code logs."""
