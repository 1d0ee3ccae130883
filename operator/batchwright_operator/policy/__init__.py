"""Observed traffic and measured costs in, a decision with its reason and its numbers out. Pure."""
