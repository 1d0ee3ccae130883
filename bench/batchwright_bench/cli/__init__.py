"""`batchwright bench` on the command line."""
