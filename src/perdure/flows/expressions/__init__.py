"""`${…}`: a small language over the names of a flow. It reads values and makes new ones; it cannot do anything."""
