"""Agents: rosters, presence, call distribution (ACD) and warm transfer."""
