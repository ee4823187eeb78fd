"""Outbound campaigns: projects, their lists of contacts, and when each contact is called. Package `rules` is pure."""
