"""The verbs of the system, free of any transport."""
