"""From files to plans: grammar, names, types, and everything that is wrong in one pass."""
