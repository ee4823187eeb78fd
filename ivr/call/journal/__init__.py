"""The write-behind journal of one call, and the transcript that goes into it."""
