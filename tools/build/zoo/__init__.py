"""Exporters of the model families; each runs in a process that imports its family's library."""
