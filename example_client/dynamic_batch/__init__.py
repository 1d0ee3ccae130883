"""The parts of dynamic_batch_sample.py: one compiled model for any batch up to a limit."""
