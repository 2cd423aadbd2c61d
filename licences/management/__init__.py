"""Commands of the licences."""
