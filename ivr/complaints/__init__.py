"""Complaint cases: where they go, how serious they are, their life and clocks. Pure, but for desk, files, rounds."""
