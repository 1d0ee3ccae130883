"""Model files brought from object stores and servers onto a volume: what runs before the server does."""
