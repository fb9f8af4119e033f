"""What turns happenings outside into envelopes."""
