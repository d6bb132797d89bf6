"""Recordings: decoding, the cache of their samples, and the library that LoadGen asks."""
