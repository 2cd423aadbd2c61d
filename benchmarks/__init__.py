"""What things cost, each beside a yardstick measured in the same run."""
