"""Measures the harness itself, as ratios against a bare loop in the same session."""
