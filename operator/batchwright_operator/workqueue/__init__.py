"""Which object is to be looked at next, and which replica may: the work queue and the lease."""
