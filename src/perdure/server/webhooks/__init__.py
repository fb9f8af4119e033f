"""Deliveries of other services: each is checked as its sender signs it, and wakes an agent once."""
