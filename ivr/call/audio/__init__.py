"""The audio of one call: playing prompts, recognising and recording the caller."""
