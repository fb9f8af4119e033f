"""Plain HTTP/1.1 on the event loop itself, for model servers on this machine or network."""
