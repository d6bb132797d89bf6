"""Model files of one byte order made into those of the other."""
