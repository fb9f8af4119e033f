"""The way to the network for tools."""
