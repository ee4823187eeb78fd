"""The service: its parts composed, its workers supervised, its web application and its process."""
