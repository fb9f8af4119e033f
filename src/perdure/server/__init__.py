"""HTTP: routes, streams, and who may come in. It translates the verbs of control, and decides nothing."""
