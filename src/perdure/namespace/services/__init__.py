"""The standard services: what stands in every agent's directory, one noun per file."""
