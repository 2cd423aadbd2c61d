"""What is said over HTTP: each view parses, calls one verb or one query, and renders."""
