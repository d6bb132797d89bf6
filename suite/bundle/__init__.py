"""What a machine without a network needs, in one archive, and its results on the way back."""
