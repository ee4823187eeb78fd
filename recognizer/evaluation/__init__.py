"""Evaluation of a model's accuracy with the service's own pipeline, on speakers it was not trained on.

The pipeline is that of a call: Vosk, the graphs of `recognizer.building`, `recognizer.decoding` and
`recognizer.confidence`. Requires soundfile for recordings, espeak-ng for synthetic voices and matplotlib for the
report, but not torch.
"""
