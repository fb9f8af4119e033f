"""What an agent can see: paths with file services behind them, mounts, access levels, watchers."""
