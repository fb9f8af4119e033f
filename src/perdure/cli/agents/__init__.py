"""`perdure agents`: the agents of a project, one command a file."""
