"""How well a model hears, measured by the service's own way on people that it was not trained on.

Vosk, the graphs of `recognizer.building`, `recognizer.decoding` and `recognizer.confidence` decide, as on a call. Needs
soundfile for recordings, espeak-ng for synthetic voices, matplotlib for the report; torch is not needed.
"""
