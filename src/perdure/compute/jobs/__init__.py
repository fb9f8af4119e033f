"""Jobs of /compute: submitted at once, done beside the agent, on disk from beginning to end."""
