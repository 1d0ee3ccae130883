"""The first pod template. Frozen: a change is made in a copy, as the next revision."""
