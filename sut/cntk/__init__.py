"""CNTK 2.7, in an environment of its own."""
