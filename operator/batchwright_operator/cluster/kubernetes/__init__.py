"""A Kubernetes API server behind the cluster port; the only importer of the Kubernetes client."""
