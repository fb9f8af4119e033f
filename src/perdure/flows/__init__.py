"""Who does what next: the language of flows, and the plan that a flow's file compiles to."""
