"""The protocols: each converts in, calls the data plane, converts out."""
