"""A model measured under every strategy, by servers of its own."""
