"""Wire formats: one folder each, pure functions between our messages and a vendor's bytes."""
