"""The kinds of labels, one a file; see ``form.known_kinds``."""
