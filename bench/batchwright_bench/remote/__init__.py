"""A served model measured over gRPC."""
