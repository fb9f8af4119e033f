"""A flow as one durable run: its plan carried out step by step, each under a key made of its path."""
