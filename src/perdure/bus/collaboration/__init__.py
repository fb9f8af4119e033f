"""Ways for agents to work together over topics. All of them are effects of a run, and go on after a crash."""
