"""Live calls: the session of one call with its mailbox, audio and journal, and the manager of all calls of a node."""
