"""`batchwright up`: files instead of an API server, processes instead of a cluster."""
