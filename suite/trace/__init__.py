"""Traces: the events of a run from test to counter, and everything that is made of them."""
