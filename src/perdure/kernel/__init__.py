"""What is true: journal, store port, tick engine, effects, inbox, timers, leases, budgets."""
