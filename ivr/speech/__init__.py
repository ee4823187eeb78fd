"""Answers of callers who agreed to be recorded, as clips that a model can learn from."""
