"""The operator on a cluster: every part of it is made and wired here."""
