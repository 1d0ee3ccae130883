"""The configuration language: documents that server and operator exchange. No I/O here."""
