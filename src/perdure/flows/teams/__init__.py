"""Teams: several members work on one task, and decide on one answer."""
