"""A program of your own beside the server: it says and hears events, asks, answers, and offers what it can do."""
