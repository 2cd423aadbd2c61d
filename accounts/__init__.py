"""Users, memberships of a party with roles, API keys."""
