"""Processes that serve a project in the background: what is known of them, and what watches over each."""
