"""HTTP for machines, and nothing else."""
