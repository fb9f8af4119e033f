"""Who an agent is: a key pair of its own, used for it and never shown to it."""
