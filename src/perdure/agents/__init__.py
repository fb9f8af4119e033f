"""One agent: spec, loader, the loop, Python agents."""
