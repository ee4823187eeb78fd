"""Phone networks. Adapters translate and nothing else; they import events and actions, never the flow."""
