"""How bytes reach a model server: a port of three verbs, HTTP, and a fake in memory."""
