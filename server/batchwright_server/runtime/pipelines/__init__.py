"""Pipelines at work: requests go through a graph of models that are served here."""
