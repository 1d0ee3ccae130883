"""The ways a servable takes batches of varying size, one module each behind one protocol."""
