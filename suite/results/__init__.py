"""An index over run directories and published results; see ``docs/results.md``."""
