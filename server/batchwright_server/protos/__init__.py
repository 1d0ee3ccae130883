"""Wire contracts, and the code generated from them (`make generate`)."""
