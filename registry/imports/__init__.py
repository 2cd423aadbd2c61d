"""Whole catalogues: read by a map, checked row by row, stored in batches. Nothing here reaches the log."""
