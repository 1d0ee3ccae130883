"""`batchwright bench`: models measured in this process, behind a server, and under every strategy."""
