"""Audio in, what was said out. Knows nothing of calls and never imports ivr."""
