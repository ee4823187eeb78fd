"""Speech recognition: audio in, hypotheses out. Must not know: calls; never imports ivr."""
