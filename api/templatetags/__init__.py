"""What the pages need beyond Django's own tags."""
