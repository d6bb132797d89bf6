"""The dispatcher to the nodes of a Slurm cluster."""
