"""`perdure runs`: the runs of a project, one command a file."""
