"""What tasks that answer with a class have in common: scores to classes, and their accuracy."""
