"""Tables of the model families, written from the libraries' own facts: see ``__main__``."""
