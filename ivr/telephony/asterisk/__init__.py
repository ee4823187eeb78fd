"""Calls over Asterisk 22 through ARI, with the voice over its WebSocket channel."""
