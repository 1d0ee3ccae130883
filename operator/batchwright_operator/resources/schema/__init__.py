"""The custom resources' schema as an API server takes it, made from the models. No I/O here."""
