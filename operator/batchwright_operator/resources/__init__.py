"""What users write, as typed objects, and what they read back. No I/O here."""
