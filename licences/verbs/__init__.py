"""What people do with offers and grants: one file a verb, each read from top to bottom."""
