"""`perdure demo`: an agent audits the Python environment that it runs in, is killed in the middle, and finishes."""
