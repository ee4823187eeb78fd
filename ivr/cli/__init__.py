"""The commands of `service.py`, a module each. They print for people; everything else logs."""
