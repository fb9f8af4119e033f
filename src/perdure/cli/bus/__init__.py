"""`perdure bus`: topics between agents, one command a file."""
