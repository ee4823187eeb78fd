"""How an acoustic model is trained: recordings and synthetic voices → a folder that `recognizer.building` takes.

Needs the extra `training` (torch, soundfile) and espeak-ng; the service needs none of it.
"""
