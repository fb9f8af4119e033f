"""Tools that come with Perdure. Each module has a BUILTIN; `tools/registry.py` knows them by name."""
