"""Parties, their keys, works, names, share sets, refusals."""
