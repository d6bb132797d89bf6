"""Serve a loaded model as a SUT, to a LoadGen on another host."""
