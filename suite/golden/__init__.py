"""Golden files: what a trusted host computed, and how far another is from it."""
