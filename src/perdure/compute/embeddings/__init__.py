"""Texts as vectors: over HTTP, or by rules without a model."""
