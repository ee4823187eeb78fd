"""Telephone networks. Adapters only translate; they import events and actions, never the flow."""
