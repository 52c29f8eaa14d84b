"""Gate logs: read with checks, and counted into statistics."""
