"""What needs a vendor or a library of its own: one folder and one extra each, made known in wiring alone."""
