"""The run directory: the only contract between stages, plain files throughout."""
