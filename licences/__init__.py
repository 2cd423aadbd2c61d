"""Offers, approvals, grants, and their life."""
