"""Endpoints that clients of other makers know: a published agent is a model whose id is its name."""
