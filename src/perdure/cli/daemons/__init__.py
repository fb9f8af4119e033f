"""Commands about processes in the background."""
