"""kopf watches; what it sees goes to the store and the work queue, and nothing else happens here."""
