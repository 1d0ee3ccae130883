"""Batchwright's operator: from what users write to running, well-batched model servers."""
