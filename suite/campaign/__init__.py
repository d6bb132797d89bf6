"""What a whole campaign takes."""
