"""Call flows: their model, their checks and the engine that steps calls through them.

Pure: no I/O, no clock, no generated ids.
"""
