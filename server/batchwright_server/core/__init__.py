"""Tensors and the decisions about batches: pure computation on numpy arrays, no I/O."""
