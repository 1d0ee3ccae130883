"""Pipelines as graphs: what fits together, what is split and gathered where. Pure, on numpy arrays."""
