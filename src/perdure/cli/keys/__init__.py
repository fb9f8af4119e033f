"""`perdure keys`: who the server lets in, one command a file."""
