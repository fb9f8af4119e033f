"""The commands below `perdure flow`."""
