"""What tasks on texts have in common: WordPiece, and tokens in a cache as samples."""
