"""The public test kit: scripted model, manual clock, crash points, conformance suites."""
