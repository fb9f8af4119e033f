"""Topics between agents: events that are published once and heard by whoever subscribes."""
