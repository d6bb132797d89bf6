"""Photographs: decoding, geometry, preprocessing, and the library that LoadGen asks."""
