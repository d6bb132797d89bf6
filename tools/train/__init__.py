"""Training of the networks whose weights LoadScope ships; not in the wheel."""
