"""Models: port, wire formats, providers, prices."""
