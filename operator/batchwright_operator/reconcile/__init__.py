"""From what is wanted and what was observed to actions and a status. No I/O here."""
