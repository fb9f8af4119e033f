"""The manners in which teams work, one file each."""
