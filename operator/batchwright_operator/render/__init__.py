"""From a ModelServer to Kubernetes manifests, as plain dictionaries. No I/O here."""
