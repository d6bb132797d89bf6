"""Emulated machines: a root of another instruction set, LoadGen built for it, checks run in it."""
