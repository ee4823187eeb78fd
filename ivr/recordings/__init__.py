"""Recordings after their calls: where they are kept, and how they are read again."""
