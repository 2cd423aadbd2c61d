"""What people do: one file a verb, each read from top to bottom."""
