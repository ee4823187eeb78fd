"""Training of acoustic models: recordings and synthetic voices → a model folder for `recognizer.building`.

Requires the extra `training` (torch, soundfile) and espeak-ng; the service requires neither.
"""
