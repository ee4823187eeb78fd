"""Export of confirmed answers, from callers who consented to recording, as clips for model training."""
