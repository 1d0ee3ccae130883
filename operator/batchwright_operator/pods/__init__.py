"""Speaking with the servers in the pods."""
