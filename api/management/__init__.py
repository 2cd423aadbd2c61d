"""Commands that need the whole server."""
