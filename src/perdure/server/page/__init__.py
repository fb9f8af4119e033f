"""The web page: files that a browser is given as they are, and that ask the same endpoints as everybody else."""
