"""The namespace as a folder of this machine, for every program that reads and writes files (extra `fuse`)."""
