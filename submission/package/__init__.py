"""From run directories to the tree of a submission."""
