"""Adapters: each reads one family of folder forms that data sets come in."""
