"""From files people write to checked specs: everything wrong is said in one pass, with its place."""
