"""What is said and asked: the flows' model, their checks, and the engine that steps through them.

Pure: no I/O, no clock, no ids of its own.
"""
