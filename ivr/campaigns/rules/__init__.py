"""The rules of campaigns: life of a project, calling hours, attempts, and why a contact is called or not. Pure."""
